import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.decomposition import NMF as SklearnNMF

from segnext_edu.model import hamburger
from segnext_edu.model.hamburger import NMF, Hamburger, nmf, update_bases, update_coef


def factors(seed: int, d: int, n: int, r: int, batch: int = 1):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(batch, *shape, generator=generator, dtype=torch.float64) for shape in ((d, n), (d, r), (n, r)))


def error(x, bases, coef):
    return (x - bases @ coef.mT).square().sum()


@given(seed=st.integers(0, 10**6), d=st.integers(2, 20), n=st.integers(2, 30), r=st.integers(1, 6))
@example(seed=71569, d=2, n=2, r=1)  # with EPSILON as it is, the error rises here by 7 in a million
def test_no_update_raises_the_error_or_turns_negative(seed, d, n, r):
    """The law is the rule's own, without what EPSILON adds to keep its quotients finite."""
    x, bases, coef = factors(seed, d, n, r)
    before = error(x, bases, coef)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(hamburger, "EPSILON", 1e-15)
        for _ in range(4):
            coef = update_coef(x, bases, coef)
            between = error(x, bases, coef)
            bases = update_bases(x, bases, coef)
            after = error(x, bases, coef)
            assert between <= before * (1 + 1e-6) + 1e-9 and after <= between * (1 + 1e-6) + 1e-9
            assert (coef >= 0).all() and (bases >= 0).all()
            before = after


def test_an_exact_low_rank_matrix_is_found_again():
    _, bases, coef = factors(3, 12, 40, 2)
    x = bases @ coef.mT
    start = torch.rand(1, 12, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found, weights = nmf(x, start, 2000)
    assert error(x, found, weights) < 1e-4 * x.square().sum()


def test_as_good_as_scikit_learns():
    x, bases, _ = factors(5, 20, 50, 4)
    ours = error(x, *nmf(x, bases, 400)).sqrt().item()
    theirs = SklearnNMF(4, init="random", solver="mu", max_iter=400, tol=0, random_state=0)
    theirs.fit(x[0].numpy())
    assert ours == pytest.approx(theirs.reconstruction_err_, rel=0.02)


def test_gradients_flow_through_every_update():
    x, bases, _ = factors(0, 4, 6, 2)
    x.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: nmf(x, bases, 3)[0], x)
    assert torch.autograd.gradcheck(lambda x: nmf(x, bases, 3)[1], x)


def test_the_scale_of_the_starting_bases_does_not_matter():
    x, bases, _ = factors(2, 8, 9, 3)
    a, b = nmf(x, bases, 5), nmf(x, 7 * bases, 5)
    torch.testing.assert_close(a, b)


class TestModule:
    def test_eval_mode_gives_every_image_the_same_answer_wherever_it_stands_in_a_batch(self):
        module = NMF(8, 3).eval()
        x = torch.rand(3, 8, 5, 6)
        assert torch.equal(module(x), module(x))
        assert torch.equal(module(x), NMF(8, 3).eval()(x))  # another model, the same seed
        torch.testing.assert_close(module(x[2:]), module(x)[2:])
        torch.testing.assert_close(module(x.flip(0)), module(x).flip(0))

    def test_training_draws_from_the_global_generator(self):
        module, x = NMF(8, 3), torch.rand(2, 8, 5, 6)
        torch.manual_seed(1)
        first, second = module(x), module(x)
        torch.manual_seed(1)
        assert torch.equal(module(x), first) and not torch.equal(first, second)

    def test_six_steps_in_training_and_seven_in_eval(self):
        module, x, start = NMF(8, 3), torch.rand(1, 8, 5, 6), torch.rand(1, 8, 3)
        for training, steps in ((True, 6), (False, 7)):
            bases, coef = nmf(x.flatten(2), start, steps)
            torch.testing.assert_close(module.train(training)(x, start).flatten(2), bases @ coef.mT)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_large_low_precision_features_stay_finite(self, dtype):
        x = (1000 * torch.rand(1, 64, 16, 16)).to(dtype)
        module = NMF(64, 16).eval()
        with torch.autocast("cpu", dtype=dtype):
            y = module(x)
        assert y.dtype == dtype and y.isfinite().all()
        torch.testing.assert_close(y.float(), module(x.float()), rtol=0.02, atol=1)

    def test_nothing_to_explain_is_explained_by_nothing(self):
        assert not NMF(8, 3).eval()(torch.zeros(1, 8, 4, 4)).any()

    def test_no_key_in_the_checkpoint(self):
        assert not NMF(8, 3).state_dict()


def test_hamburger_feeds_the_factorisation_no_negative_number():
    torch.manual_seed(0)
    module = Hamburger(32, 4).eval()
    seen = []
    module.nmf.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    y = module(torch.randn(2, 32, 6, 6))
    assert (seen[0] >= 0).all() and (y >= 0).all()


def test_hamburger_has_a_shortcut():
    module, x = Hamburger(32, 4).eval(), torch.randn(1, 32, 6, 6)
    torch.nn.init.zeros_(module.norm.weight)
    torch.testing.assert_close(module(x), F.relu(x))
