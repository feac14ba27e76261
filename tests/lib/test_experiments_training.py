"""The training loop: its models and steps against torch's own, and its resumes; sweeps; the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

from collapse.experiments import __main__ as command
from collapse.experiments import gcd, sweeps, training
from collapse.experiments.training import Transformer, cross_entropy, draw, predict, train

SHAPE = {"width": 16, "layers": 2, "heads": 2}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def small(seeds=(0,), causal=False, **more):
    return Transformer(7, 5, 3, causal=causal, seeds=seeds, **{**SHAPE, **more})


def parity(seeds, size=16):
    """Whether the number of sixes in five digits is odd: random batches that depend on the step alone."""

    def batch(step):
        tokens = draw(seeds, step, size * 5, 7).view(len(seeds), size, 5)
        return tokens, (tokens == 6).sum(-1) % 2

    return batch


class Reference(nn.Module):
    """The same transformer in torch's own layers, given the weights of replica 0."""

    def __init__(self, model: Transformer):
        super().__init__()
        D, heads = model.sizes["width"], model.sizes["heads"]
        self.causal, self.tokens, self.positions = model.causal, model.tokens[0], model.positions[0]
        layer = partial(
            nn.TransformerEncoderLayer, D, heads, 4 * D, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.ModuleList(layer() for _ in range(model.sizes["layers"]))
        self.norm = nn.LayerNorm(D, elementwise_affine=False)
        with torch.no_grad():
            for i, own in enumerate(self.layers):
                for name, target in (
                    ("out", own.self_attn.out_proj),
                    ("up", own.linear1),
                    ("down", own.linear2),
                ):
                    target.weight.copy_(getattr(model, f"{name}{i}")[0].T)
                    target.bias.copy_(getattr(model, f"{name}{i}_bias")[0, 0])
                parts = (f"query{i}", f"key_value{i}")
                own.self_attn.in_proj_weight.copy_(torch.cat([getattr(model, p)[0].T for p in parts]))
                bias = torch.cat([getattr(model, f"{p}_bias")[0, 0] for p in parts])
                own.self_attn.in_proj_bias.copy_(bias)
        self.head, self.head_bias = model.head[0], model.head_bias[0]

    def forward(self, tokens):
        x = self.tokens[tokens]
        mask = None
        if self.causal:
            mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        else:
            x = F.pad(x, (0, 0, 1, 0))
        x = x + self.positions[: x.shape[1]]
        for layer in self.layers:
            x = layer(x, src_mask=mask)
        logits = self.norm(x) @ self.head + self.head_bias
        return logits if self.causal else logits[:, 0]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
def test_equals_torch_layers(causal, layers):
    model = small((3, 4), causal, layers=layers)
    with torch.no_grad():
        model.flat.add_(0.1 * torch.randn(model.flat.shape, generator=torch.Generator().manual_seed(0)))
    tokens = torch.randint(7, (11, 5), generator=torch.Generator().manual_seed(1))
    got = predict(model, tokens, chunk=4)
    assert got.shape == ((2, 11, 5, 3) if causal else (2, 11, 3))
    with torch.no_grad():
        torch.testing.assert_close(got[0], Reference(model)(tokens), atol=2e-5, rtol=1e-4)
    assert (got[0] - got[1]).abs().max() > 0.1


def test_a_causal_model_does_not_look_ahead_and_the_cache_changes_nothing():
    model = small((0, 1), causal=True)
    tokens = torch.randint(7, (2, 3, 5), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        full = model(tokens)
        changed = tokens.clone()
        changed[:, :, 3] = (changed[:, :, 3] + 1) % 7
        other = model(changed)
        assert torch.equal(full[:, :, :3], other[:, :, :3])
        assert (full[:, :, 3] - other[:, :, 3]).abs().max() > 1e-3
        cache: list[torch.Tensor] = []
        pieces = [model(tokens[:, :, :2], cache)] + [model(tokens[:, :, i : i + 1], cache) for i in (2, 3, 4)]
    torch.testing.assert_close(torch.cat(pieces, 2), full, atol=1e-5, rtol=1e-4)
    with pytest.raises(ValueError, match="length <= 5"):
        model(tokens[:, :, :1], cache)


def test_the_loop_is_torchs_own():
    """One replica against AdamW on separate matrices, torch's clipping and its one-cycle schedule."""
    model = small((5,))
    batch, steps = parity((5,)), 25
    other = small((5,))
    weights = [nn.Parameter(w.detach().clone()) for w in other.parameters()]
    names = [name for name, _ in other.named_parameters()]
    optimizer = torch.optim.AdamW(weights, lr=0.01, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    losses = []
    for step in range(steps):
        inputs, targets = batch(step)
        logits = torch.func.functional_call(other, dict(zip(names, weights, strict=True)), (inputs,))
        loss = F.cross_entropy(logits[0], targets[0])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 0.5)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    fit = train(model, batch, steps, rate=0.01, weight_decay=0.1, clip=0.5)
    np.testing.assert_allclose(fit.losses[:, 0], losses, rtol=1e-4, atol=1e-5)
    for name, mine, theirs in zip(names, model.parameters(), weights, strict=True):
        # The gradient of a key's bias is 0 (it shifts all scores alike): Adam scales up its rounding errors.
        kept = mine[..., SHAPE["width"] :] if name.startswith("key_value") and "bias" in name else mine
        torch.testing.assert_close(kept, theirs[..., -kept.shape[-1] :], atol=1e-4, rtol=1e-3)


def test_replicas_do_not_touch_each_other():
    seeds = (2, 9, 4)
    together = train(small(seeds), parity(seeds), 30)
    for row, seed in enumerate(seeds):
        alone = train(small((seed,)), parity((seed,)), 30)
        np.testing.assert_allclose(together.losses[:, row], alone.losses[:, 0], rtol=1e-3, atol=1e-4)
        part = together.model.part(slice(row, row + 1))
        torch.testing.assert_close(part.flat, together.model.flat[row : row + 1])
    assert np.abs(together.losses[:, 0] - together.losses[:, 1]).max() > 0.01


def test_it_learns():
    """Odd or even number of sixes, from 12 000 labelled strings: far from the coin's ln 2."""
    fit = train(small((0, 1, 2), width=32), parity((0, 1, 2), 64), 400)
    assert (fit.losses[:10].mean(0) > 0.5).all()
    assert (fit.losses[-10:].mean(0) < 0.2).all()


class Killed(Exception):
    """Stands for whatever ends a process in the middle of its work."""


def killed_at(batch, when):
    def wrapped(step):
        if step == when:
            raise Killed
        return batch(step)

    return wrapped


@pytest.mark.parametrize("when", [1, 10, 13, 29])
def test_resume_is_exact(tmp_path, when):
    seeds, path = (0, 1), tmp_path / "state.pt"
    whole = train(small(seeds), parity(seeds), 30)
    with pytest.raises(Killed):
        train(small(seeds), killed_at(parity(seeds), when), 30, checkpoint=path, every=5)
    assert path.exists() == (when >= 5)
    # A model with other weights: everything that matters comes from the checkpoint (or, killed before
    # the first one, from the seeds).
    model = small(seeds)
    if path.exists():
        with torch.no_grad():
            model.flat.add_(1.0)
    resumed = train(model, parity(seeds), 30, checkpoint=path, every=5)
    assert torch.equal(resumed.model.flat, whole.model.flat)
    np.testing.assert_array_equal(resumed.losses, whole.losses)
    # Finished: nothing is trained again.
    again = train(small(seeds), killed_at(parity(seeds), 0), 30, checkpoint=path)
    assert torch.equal(again.model.flat, whole.model.flat)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "state.pt"
    train(small(), parity((0,)), 5, checkpoint=path)
    for model, steps in ((small((1,)), 5), (small(width=32), 5), (small(), 6)):
        with pytest.raises(ValueError, match="checkpoint must belong to this run"):
            train(model, parity(model.seeds), steps, checkpoint=path)


@pytest.mark.slow
def test_a_killed_process_goes_on(tmp_path, monkeypatch):
    """SIGKILL in the middle of a lab; the same command then gives the same numbers as an unbroken run."""
    program = """
import sys, torch
torch.set_num_threads(1)
from collapse.experiments import gcd, __main__ as command
tiny = gcd.Recipe(width=16, heads=2, batch=32, steps=210)
gcd.PLANS["quick"] = gcd.Plan(gcd.Task(6, 2, 11), tiny, tiny, (0, 1), (50,), 50, 0.1, 60, 1)
command.main(["gcd", "--scale", "quick", "--folder", sys.argv[1], "--out", sys.argv[2], "--device", "cpu"])
"""
    monkeypatch.setattr(sys, "argv", ["-", str(tmp_path / "whole"), str(tmp_path / "whole.json")])
    monkeypatch.setitem(gcd.PLANS, "quick", gcd.PLANS["quick"])  # put back afterwards
    exec(compile(program, "program", "exec"), {})

    def start():
        arguments = [sys.executable, "-c", program, str(tmp_path / "broken"), str(tmp_path / "broken.json")]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            arguments, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )

    broken = start()
    # In the second part: one result is kept, and the first checkpoint of the next model.
    deadline = time.monotonic() + 120
    while not (tmp_path / "broken" / "greedy-teacher.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    broken.send_signal(signal.SIGKILL)
    assert broken.wait(30) == -signal.SIGKILL
    assert not (tmp_path / "broken.json").exists()
    assert start().wait(300) == 0
    whole, resumed = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("whole", "broken"))
    for record in (whole, resumed):
        del record["provenance"]["seconds"]  # tenths: may be 0.0 here
        assert record["provenance"]["seeds"] == [0, 1]
        assert record["provenance"]["command"].startswith("python -m collapse.experiments gcd --scale quick")
    assert whole == resumed


def test_bad_input():
    with pytest.raises(ValueError, match="heads must divide width = 16, got 3"):
        small(heads=3)
    with pytest.raises(ValueError, match="layers must be >= 1"):
        small(layers=0)
    with pytest.raises(ValueError, match="at least one seed"):
        small(())
    with pytest.raises(ValueError, match=r"shape \(1, B, S\)"):
        small()(torch.zeros(4, 5, dtype=torch.long))
    with pytest.raises(ValueError, match="cache must be None unless causal"):
        small()(torch.zeros(1, 4, 5, dtype=torch.long), [])
    for wrong in ({"rate": 0.0}, {"clip": -1.0}, {"weight_decay": -0.1}, {"every": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            train(small(), parity((0,)), 3, **wrong)
    with pytest.raises(FloatingPointError, match="lower `rate`"):
        train(small(), parity((0,)), 20, rate=1e30)


def test_cross_entropy_leaves_out_what_is_marked():
    logits = torch.randn(2, 4, 5, 3, generator=torch.Generator().manual_seed(0))
    targets = torch.randint(3, (2, 4, 5), generator=torch.Generator().manual_seed(1))
    targets[0, :, :3] = -100
    got = cross_entropy(logits, targets)
    assert got[0] == pytest.approx(
        F.cross_entropy(logits[0, :, 3:].flatten(0, 1), targets[0, :, 3:].flatten()).item()
    )
    assert got[1] == pytest.approx(F.cross_entropy(logits[1].flatten(0, 1), targets[1].flatten()).item())


def test_draw():
    indices = draw((1, 2), 0, 3000, (10, 20))
    for row, high in zip(indices.numpy(), (10, 20), strict=True):
        counts = np.bincount(row, minlength=high)
        assert len(counts) == high
        # Fails by chance once in 10 000 times; the seed is fixed.
        assert stats.chisquare(counts).pvalue > 1e-4
    assert not torch.equal(draw((1,), 0, 50, 10), draw((1,), 1, 50, 10))


@pytest.mark.parametrize("causal", [False, True])
def test_multiplications_are_counted(causal):
    """Against torch's counter; attention by plain products, which it knows, and the first layer's inputs."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    model = small((0, 1), causal)
    tokens = torch.zeros(2, 6, 5, dtype=torch.long)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model(tokens).sum().backward()
    assert model.multiplications(6) == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_the_machine():
    assert training.matmul_peak(size=128) > 1e8
    found = training.provenance("cpu", (0, 1), 1.23, "python -m x")
    assert found["seconds"] == 1.2 and found["torch"] and found["device"]


def test_scale(monkeypatch):
    monkeypatch.delenv("COLLAPSE_SCALE", raising=False)
    assert training.scale() == "quick"
    monkeypatch.setenv("COLLAPSE_SCALE", "paper")
    assert training.scale() == "paper"
    monkeypatch.setenv("COLLAPSE_SCALE", "huge")
    with pytest.raises(ValueError, match="COLLAPSE_SCALE must be one of 'quick', 'paper', got 'huge'"):
        training.scale()


# ------------------------------------------------------------------------------------------------ sweeps


def square(x, log=None, fail=None):
    """Writes down that it ran, so that a test can count."""
    if x == fail:
        raise Killed
    if log is not None:
        with open(log, "a", encoding="utf8") as file:
            file.write(f"{x}\n")
    return {"square": x * x}


def test_a_killed_sweep_loses_nothing(tmp_path):
    log, folder = tmp_path / "log", tmp_path / "results"
    configurations = [{"x": x} for x in range(6)]
    with pytest.raises(Killed):
        sweeps.run(partial(square, log=log, fail=4), configurations, folder=folder)
    assert len(list(folder.glob("*.json"))) == 4
    results = sweeps.run(partial(square, log=log), configurations, folder=folder)
    assert [r["square"] for r in results] == [0, 1, 4, 9, 16, 25]
    assert sorted(map(int, log.read_text().split())) == list(range(6))


def test_sweeps_run_in_parallel_and_keep_their_order(tmp_path):
    configurations = [{"x": x} for x in (3, 1, 2)]
    assert (
        sweeps.run(square, configurations, jobs=2)
        == sweeps.run(square, configurations)
        == [square(3), square(1), square(2)]
    )
    assert sweeps.run(square, [], folder=tmp_path) == []


def test_sweeps_refuse_confusion(tmp_path):
    with pytest.raises(ValueError, match="differ from each other"):
        sweeps.run(square, [{"x": 1}, {"x": 1}])
    sweeps.run(square, [{"x": 1}], folder=tmp_path)
    (path,) = tmp_path.glob("*.json")
    path.write_text(path.read_text().replace('"x": 1', '"x": 2'))
    with pytest.raises(ValueError, match="results of this sweep"):
        sweeps.run(square, [{"x": 1}], folder=tmp_path)


@pytest.mark.slow
def test_the_same_call_on_a_dask_cluster(tmp_path):
    distributed = pytest.importorskip("distributed")
    import joblib

    configurations = [one for one in TINY.parts() if one["name"] in ("clean", "chain")]
    here = sweeps.run(gcd.part, configurations)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        there = sweeps.run(gcd.part, configurations, folder=tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 2
    for a, b in zip(here, there, strict=True):
        del a["seconds"], b["seconds"]  # tenths of a second: 0.0 for a part this small
        assert json.dumps(a) == json.dumps(b)


_RECIPE = gcd.Recipe(width=16, heads=2, batch=32, steps=30)
TINY = gcd.Plan(gcd.Task(6, 2, 11), _RECIPE, _RECIPE, (0, 1), (50, 100), 50, 0.1, 60, 2)


def test_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(gcd.PLANS, "paper", TINY)
    monkeypatch.setenv("COLLAPSE_SCALE", "paper")
    monkeypatch.chdir(tmp_path)
    path = command.main(["gcd", "--device", "cpu"])
    assert path.name == "gcd-paper.json" and "wrote gcd-paper.json" in capsys.readouterr().out
    record = json.loads(path.read_text())
    assert record["provenance"]["command"] == "python -m collapse.experiments gcd --scale paper --device cpu"
    assert record["plan"]["sizes"] == [50, 100] and set(record) > {"clean", "greedy", "mixed", "chain"}
    with pytest.raises(SystemExit):
        command.main(["nothing"])


# --------------------------------------------------------------------------------------------------- GPU


@pytest.mark.gpu
@pytest.mark.parametrize("mixed", [False, True])
def test_training_on_a_gpu(mixed, tmp_path):
    seeds = (0, 1)
    cpu = train(small(seeds), parity(seeds), 20)
    path = tmp_path / "state.pt"
    with pytest.raises(Killed):
        train(
            small(seeds, device="cuda"),
            killed_at(parity(seeds), 10),
            20,
            mixed=mixed,
            checkpoint=path,
            every=5,
        )
    gpu = train(small(seeds, device="cuda"), parity(seeds), 20, mixed=mixed, checkpoint=path, every=5)
    assert gpu.model.device.type == "cuda"
    # bfloat16 has 8 bits: a loss near 1 is good to about a hundredth.
    np.testing.assert_allclose(gpu.losses, cpu.losses, atol=0.05 if mixed else 1e-3)
