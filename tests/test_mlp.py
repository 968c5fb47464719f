"""The two MLPs, checked by hand."""
import math

import pytest
import torch
import torch.nn.functional as F

from minimolmo.config import TOWERS
from minimolmo.model.mlp import ACTIVATIONS, GeluMLP, SwiGLU, quick_gelu


def test_quick_gelu_is_x_times_a_sigmoid():
    """x * sigmoid(1.702 x): sigmoid(ln 3) = 3/4, so at x = ln 3 / 1.702 the result is 0.75 x."""
    x = math.log(3) / 1.702
    assert quick_gelu(torch.tensor(x)).item() == pytest.approx(0.75 * x)


def test_quick_gelu_is_0_for_very_negative_x_and_x_for_large_x():
    assert quick_gelu(torch.tensor([-10.0, 0.0, 10.0])).tolist() == pytest.approx([0, 0, 10], abs=1e-5)


def test_quick_gelu_is_close_to_gelu_but_not_the_same():
    """CLIP's weights were trained with quick GELU, so exact GELU would change its outputs."""
    x = torch.linspace(-4, 4, 100)
    difference = (quick_gelu(x) - F.gelu(x)).abs().max()
    assert 0.01 < difference < 0.03


def test_the_vits_mlp_by_hand_two_linear_layers_with_biases_and_a_gelu():
    """up: 9 -> (9 + 1, -9); GELU: (10, 0); down: 3*10 + 5*0 + 7."""
    mlp = GeluMLP(width=1, inner=2)
    weights = {"up.weight": [[1.0], [-1.0]], "up.bias": [1.0, 0.0],
               "down.weight": [[3.0, 5.0]], "down.bias": [7.0]}
    mlp.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    assert mlp(torch.tensor([9.0])).item() == pytest.approx(37, abs=1e-4)


def make_swiglu(gate, up, down):
    """A SwiGLU of width 1 with these three weights."""
    mlp = SwiGLU(1, 1, 1)
    mlp.load_state_dict({f"{name}.weight": torch.tensor([[value]]) for name, value in
                         (("gate", gate), ("up", up), ("down", down))})
    return lambda x: mlp(torch.tensor([x])).item()


def test_swiglu_multiplies_up_by_the_silu_of_gate():
    """silu(2) = 2 sigmoid(2) = 1.7616; times 3, times 10."""
    assert make_swiglu(gate=2.0, up=3.0, down=10.0)(1.0) == pytest.approx(52.848, abs=1e-3)


def test_a_very_negative_gate_gives_0_and_a_large_one_multiplies():
    """With gate and up swapped, the first line would give -50 * silu(4) and not 0."""
    assert make_swiglu(gate=-50.0, up=4.0, down=1.0)(1.0) == pytest.approx(0, abs=1e-6)
    assert make_swiglu(gate=50.0, up=4.0, down=1.0)(1.0) == pytest.approx(200)
    assert make_swiglu(gate=50.0, up=-4.0, down=1.0)(1.0) == pytest.approx(-200)  # the sign of up is kept


def test_swiglu_has_no_biases_so_zeros_give_zeros():
    assert SwiGLU(4, 8, 6)(torch.zeros(3, 4)).tolist() == torch.zeros(3, 6).tolist()


@pytest.mark.parametrize("family, expected", [("clip", [2.98193, -0.15420]), ("siglip", [2.99636, -0.15881]),
                                              ("dino", [2.99595, -0.15866])])
def test_each_family_of_vision_towers_has_its_own_activation(family, expected):
    """At 3 and -1: x * sigmoid(1.702 x), the tanh formula, and the exact GELU."""
    activation = ACTIVATIONS[TOWERS[family].activation]
    assert activation(torch.tensor([3.0, -1.0])).tolist() == pytest.approx(expected, abs=1e-5)
