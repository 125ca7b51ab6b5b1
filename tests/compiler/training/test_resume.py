"""A killed run goes on from its checkpoint and ends with the very same bits."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch
from tiny_nets import blobs, tiny_net
from torch import Tensor

from lithify.compiler.nets import Net
from lithify.compiler.nets.model_file import open_safetensors
from lithify.compiler.nets.space import Shape
from lithify.compiler.training import History, Progress, train
from lithify.compiler.training.augment import Augment
from lithify.compiler.training.checkpoint import FORMAT
from lithify.ir.errors import FormatError, InputError

EPOCHS = 9
RUN = """
import sys, time
from tiny_nets import blobs, tiny_net
from lithify.compiler.training import train

def told(progress):
    print(progress.epoch.number, flush=True)
    if progress.epoch.number == 3:
        time.sleep(60)

train(tiny_net(), *blobs(), epochs=9, batch=20, flip=0.05, progress=told, checkpoint=sys.argv[1])
"""


def run(net: Net, **options: object) -> History:
    x, y = blobs()
    return train(net, x, y, epochs=EPOCHS, batch=20, flip=0.05, **options)  # type: ignore[arg-type]


def same(one: Net, other: Net) -> bool:
    return all(torch.equal(a, other.state_dict()[name]) for name, a in one.state_dict().items())


def test_a_killed_run_resumes_bit_for_bit(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.checkpoint"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(checkpoint)], stdout=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    deadline = time.monotonic() + 60
    while process.stdout.readline() != b"3\n":
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    resumed, whole = tiny_net(), tiny_net()
    told: list[int] = []
    history = run(
        resumed,
        checkpoint=checkpoint,
        resume=True,
        progress=lambda progress: told.append(progress.epoch.number),
    )
    assert told == list(range(4, EPOCHS))
    assert history == run(whole)
    assert same(resumed, whole)


def test_a_run_on_moved_images_resumes_bit_for_bit(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.checkpoint"
    moves = {"augment": Augment(shift=1, rotation=20.0), "image": Shape(1, 2, 2)}

    class Stop(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.epoch.number == 2:
            raise Stop

    resumed, whole, plain = tiny_net(), tiny_net(), tiny_net()
    with pytest.raises(Stop):
        run(tiny_net(), checkpoint=checkpoint, progress=stop, **moves)
    history = run(resumed, checkpoint=checkpoint, resume=True, **moves)
    assert history == run(whole, **moves)
    assert same(resumed, whole)
    assert history != run(plain)


def test_a_finished_run_resumes_to_itself(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.checkpoint"
    first, again = tiny_net(), tiny_net()
    history = run(first, checkpoint=checkpoint)
    assert run(again, checkpoint=checkpoint, resume=True) == history
    assert same(first, again)


def test_resuming_from_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        run(tiny_net(), checkpoint=tmp_path / "none", resume=True)
    assert str(caught.value) == (
        f"there is no checkpoint at {tmp_path / 'none'}; leave out --resume (in Python: "
        "resume=True) to train from the beginning"
    )


def test_a_seed_below_zero() -> None:
    with pytest.raises(InputError) as caught:
        run(tiny_net(), seed=-1)
    assert str(caught.value) == "the seed is -1; it must be 0 or more"


@pytest.mark.parametrize(
    ("net", "options", "text"),
    [
        (tiny_net(), {"seed": 5}, "seed was 0 and is 5 now"),
        (tiny_net(seed=4), {}, "start was "),
        (tiny_net(parametrisation="table4"), {}, "net was "),
        (tiny_net(), {"learning_rate": 0.5}, "settings was "),
        (tiny_net(), {"validation": 0.2}, "data was "),
        (tiny_net(), {"augment": Augment(1), "image": Shape(1, 2, 2)}, "augment was null and is "),
    ],
)
def test_the_checkpoint_of_another_run(
    net: Net, options: dict[str, object], text: str, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "run.checkpoint"
    run(tiny_net(), checkpoint=checkpoint)
    with pytest.raises(InputError) as caught:
        run(net, checkpoint=checkpoint, resume=True, **options)
    message = str(caught.value)
    assert message.startswith(f"{checkpoint}: the checkpoint is of another run: {text}")
    assert message.endswith(
        " now; use the old setting, or delete the checkpoint to train from the beginning"
    )


def test_a_damaged_checkpoint(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.checkpoint"
    run(tiny_net(), checkpoint=checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes()[:6])
    with pytest.raises(FormatError) as caught:
        run(tiny_net(), checkpoint=checkpoint, resume=True)
    assert str(caught.value) == (
        f"{checkpoint}: not a Lithify checkpoint, or cut short (6 bytes); write it again with "
        "`lithify train`"
    )


def drop(part: str, tensors: dict[str, Tensor], header: dict[str, object]) -> None:
    """Take out a tensor of that part, or the header's entry of that name."""
    if part in header:
        header[part] = None
    else:
        del tensors[next(name for name in sorted(tensors) if name.startswith(part))]


@pytest.mark.parametrize("part", ["epochs", "best", "net/", "best/", "course/"])
def test_a_checkpoint_with_something_missing(part: str, tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.checkpoint"
    run(tiny_net(), checkpoint=checkpoint)
    header, tensors = open_safetensors(checkpoint.read_bytes(), "", FORMAT, "checkpoint")
    drop(part, tensors, header)
    checkpoint.write_bytes(safetensors.torch.save(tensors, {FORMAT: json.dumps(header)}))
    with pytest.raises(FormatError) as caught:
        run(tiny_net(), checkpoint=checkpoint, resume=True)
    assert str(caught.value) == (
        f"{checkpoint}: the checkpoint is damaged; delete it to train from the beginning"
    )


def test_a_checkpoint_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        run(tiny_net(), checkpoint=tmp_path, resume=True)
    assert str(caught.value) == f"{tmp_path}: cannot be read: Is a directory"
