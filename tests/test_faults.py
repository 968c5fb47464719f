"""The campaigns of faults, in small: damaged files, full disks, kill -9 (`make faults` runs them large)."""
import pytest
from tools.faults import all_campaigns

INPUTS = {"mutate_images": 200, "mutate_checkpoints": 120, "mutate_rows": 300, "mutate_tokenizers": 60,
          "full_disks": 8, "kill_writers": 5, "kill_page": 2}


@pytest.mark.parametrize("name", INPUTS)
def test_a_campaign_finds_nothing(name):
    assert all_campaigns()[name](seed=1, count=INPUTS[name]) == []


def test_every_campaign_is_run_here():
    assert all_campaigns().keys() == INPUTS.keys()
