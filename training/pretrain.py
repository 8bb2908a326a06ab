"""Train the weights that are bundled: a laptop network on the pool, for as long as it is given.

    python training/pool.py --data ../shared/data --generate 4000
    python training/pretrain.py --hours 2 --data ../shared/data        # goes on where it was stopped
    python training/pretrain.py --hours 2 --anneal 0.25 --out laptop   # ... and ends, and writes the weights

The rate is constant until `--anneal`, whose hours let it fall to zero from the latest state; the state itself
stays as it was, so that a training can be ended, looked at, and gone on with (Hägele et al. 2024, "Scaling laws
and compute-optimal training beyond fixed training durations"). Several models that such ends have left can begin a
last one, at their mean (Wortsman et al. 2022, "Model soups").
"""

import argparse
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import DataLoader

import napari_unet  # noqa: F401  (sets how threads wait before PyTorch starts them)
from napari_unet.network.losses import distance_loss, weighted_cross_entropy
from napari_unet.network.model_file import Model, ModelDescription, Provenance, load_model, save_model
from napari_unet.network.scaling import TARGET_SIZE, Normalisation
from napari_unet.network.unet import UNet, laptop
from napari_unet.network.weight_average import WeightAverage
from napari_unet.objects.separate import SeparationSettings
from patches import PoolPatches
from pool import POOL
from validation import fit, read_validation, validate

ROOT = Path(__file__).resolve().parents[1]
WARM_UP = 300
"""Steps in which the rate rises, after every start: the optimiser knows nothing of the gradients yet."""
SAVE_EVERY, SAY_EVERY = 120.0, 60.0
DECAY = 0.999
CALIBRATION_BATCHES = 12
LARGEST_GRADIENT = 1.0


@dataclass
class Progress:
    """How far the training is."""

    step: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)  # mean of each minute or so
    scores: list[dict[str, float]] = field(default_factory=list)


class Pretraining:
    """One training that can be stopped and gone on with."""

    def __init__(self, options: argparse.Namespace) -> None:
        torch.manual_seed(options.seed)
        torch.set_num_threads(options.threads)
        self.options = options
        self.network = UNet(laptop(in_channels=3).model_copy(update={"width": options.width}))
        self.network.to(memory_format=torch.channels_last)
        self.average = WeightAverage(self.network)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=0, weight_decay=1e-2)
        self.progress = Progress()
        self.state = options.state or ROOT / f"training/out/{options.name}.state.safetensors"
        if self.state.exists():
            self.load()
        elif options.start:
            self.begin_with(options.start)
        self.started_at = self.progress.step

    def begin_with(self, paths: Sequence[Path]) -> None:
        """Go on from a model file, such as the shipped weights where the state is lost, or from the mean of several."""
        models = [load_model(path) for path in paths]
        states = [model.network.state_dict() for model in models]
        mean = {
            name: torch.stack([state[name] for state in states]).mean(dim=0)
            if value.is_floating_point()
            else value
            for name, value in states[0].items()
        }
        self.network.load_state_dict(mean)
        self.average.network.load_state_dict(mean)
        before = max(
            (model.description.training for model in models), key=lambda training: training.steps or 0
        )
        self.progress.step, self.progress.seconds = before.steps or 0, 60 * (before.minutes or 0)

    def batches(self) -> Iterator[tuple[Tensor, ...]]:
        """Yield batches that no earlier part of this training has seen."""
        options = self.options
        seed = options.seed * 1_000_003 + self.progress.step
        patches = PoolPatches(options.pool, tuple(options.without), options.patch, options.batch, seed)
        return iter(DataLoader(patches, batch_size=None, num_workers=1, prefetch_factor=4))

    def run(self) -> None:
        """Train at the constant rate, save now and then, and at the end let the rate fall if asked to."""
        batches = self.batches()
        end = time.monotonic() + self.options.hours * 3600
        last_saved = last_said = begun = time.monotonic()
        losses: list[float] = []
        while (now := time.monotonic()) < end:
            warm = min(1.0, (self.progress.step - self.started_at + 1) / WARM_UP)
            losses.append(self.make_step(next(batches), self.options.rate * warm))
            self.progress.seconds += time.monotonic() - now
            if now - last_said > SAY_EVERY:
                self.say(losses)
                last_said, losses = now, []
            if now - last_saved > SAVE_EVERY:
                self.save()
                last_saved = now
        if time.monotonic() - begun > 1:
            self.save()
        if self.options.anneal:
            self.anneal(batches)

    def anneal(self, batches: Iterator[tuple[Tensor, ...]]) -> None:
        """Let the rate fall to zero, then measure and write the model; the saved state stays as it was."""
        begun, length = time.monotonic(), self.options.anneal * 3600
        losses: list[float] = []
        last_said = begun
        while (fraction := (time.monotonic() - begun) / length) < 1:
            losses.append(self.make_step(next(batches), self.options.rate * (1 - fraction)))
            if time.monotonic() - last_said > SAY_EVERY:
                self.say(losses)
                last_said, losses = time.monotonic(), []
        self.progress.seconds += time.monotonic() - begun
        self.average.calibrate([next(batches)[0] for _ in range(CALIBRATION_BATCHES)])
        model = self.model()
        if self.options.data is not None:
            images = read_validation(self.options.data)
            separation = fit(model, images)
            model = self.model(separation)
            scores = validate(model, images)
            print(separation, json.dumps(scores), flush=True)
            model = self.model(separation, scores)
        save_model(
            model, self.options.out or ROOT / f"training/out/{self.options.name}.safetensors", half=True
        )

    def make_step(self, batch: tuple[Tensor, ...], rate: float) -> float:
        """Change the weights once; return the loss."""
        image, classes, weights, distance = batch
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16, enabled=self.options.bfloat16):
            logits = self.network(image.contiguous(memory_format=torch.channels_last))
        logits = logits.float()
        loss = weighted_cross_entropy(logits[:, :2], classes, weights)
        loss = loss + distance_loss(logits[:, 2], distance, weights > 0)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        value = float(loss.detach())
        if not torch.isfinite(norm):
            print("A gradient is no number: this step is left out.", flush=True)
            return value
        self.optimiser.step()
        self.progress.step += 1
        # the average's memory grows to 1 / (1 - DECAY) steps
        self.average.follow(self.network, max(1 - DECAY, 10 / (10 + self.progress.step)))
        return value

    def say(self, losses: list[float]) -> None:
        """Print where the training is."""
        progress = self.progress
        mean = sum(losses) / max(len(losses), 1)
        progress.losses.append(round(mean, 4))
        hours = progress.seconds / 3600
        print(f"step {progress.step}, {hours:.2f} h, loss {mean:.4f}, {len(losses)} steps", flush=True)

    def model(
        self, separation: SeparationSettings | None = None, scores: dict[str, float] | None = None
    ) -> Model:
        """Return the averaged network as a model that can be used and saved."""
        commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True)
        sources = [f"generated images (napari_unet.synthetic), seed {self.options.seed}"]
        if not {"fluorescence", "colour"} & set(self.options.without):
            sources.append("Data Science Bowl 2018, stage 1 training images (BBBC038, CC0)")
        if "axon_sem" not in self.options.without:
            sources.append("data_axondeepseg_sem (MIT)")
        provenance = Provenance(
            lineage="bundled",
            started_from="scratch",
            seed=self.options.seed,
            steps=self.progress.step,
            minutes=self.progress.seconds / 60,
            threads=self.options.threads,
            versions={"torch": str(torch.__version__), "commit": commit.stdout.strip()},
            images=tuple(sources),
            scores=scores or {},
        )
        description = ModelDescription(
            name="bundled",
            network=self.network.config,
            normalisation=Normalisation(mode="per image", low=(0.0,) * 3, high=(1.0,) * 3),
            object_size=TARGET_SIZE,
            magnification="per image",
            labels_are="objects",
            separation=(separation or SeparationSettings()).model_dump(mode="json"),
            training=provenance,
        )
        return Model(description, self.average.network.eval())

    def save(self) -> None:
        """Write the state at once or not at all: weights, average, the optimiser's moments."""
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            for key, value in self.optimiser.state.get(parameter, {}).items():
                tensors[f"optimiser.{key}.{name}"] = value
        self.state.parent.mkdir(parents=True, exist_ok=True)
        part = self.state.with_suffix(".part")
        tensors = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
        save_file(tensors, part, {"progress": json.dumps(vars(self.progress))})
        part.replace(self.state)

    def load(self) -> None:
        """Go on from the state that was saved; without the optimiser's moments it finds them anew."""
        with safe_open(self.state, framework="pt") as file:
            self.progress = Progress(**json.loads(file.metadata()["progress"]))
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        self.network.load_state_dict({k: tensors[f"network.{k}"] for k in self.network.state_dict()})
        self.average.network.load_state_dict({k: tensors[f"average.{k}"] for k in self.network.state_dict()})
        for name, parameter in self.network.named_parameters():
            keys = [k for k in tensors if k.startswith("optimiser.") and k.split(".", 2)[2] == name]
            if keys:
                self.optimiser.state[parameter] = {k.split(".")[1]: tensors[k].clone() for k in keys}
        print(f"Going on from step {self.progress.step}.", flush=True)


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, required=True, help="at the constant rate, from now on")
    parser.add_argument(
        "--anneal", type=float, default=0, help="hours in which the rate falls to zero at the end"
    )
    parser.add_argument("--name", default="laptop")
    parser.add_argument("--data", type=Path, help="folder of the real sets, to validate")
    parser.add_argument(
        "--without", nargs="*", default=[], help="families (beginnings of names) to leave out"
    )
    parser.add_argument("--pool", type=Path, default=POOL)
    parser.add_argument(
        "--start",
        type=Path,
        nargs="+",
        help="model file to begin with where there is no state; of several, their mean",
    )
    parser.add_argument("--state", type=Path, help="default: training/out/NAME.state.safetensors")
    parser.add_argument("--out", type=Path, help="default: training/out/NAME.safetensors")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--patch", type=int, default=128)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--bfloat16", action="store_true", help="multiply in bfloat16: faster where there is AMX"
    )
    Pretraining(parser.parse_args()).run()


if __name__ == "__main__":
    main()
