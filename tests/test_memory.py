"""A full GPU: the message names the setting to lower."""
from dataclasses import replace

from minimolmo.config import RunConfig, StageConfig
from minimolmo.presets import preset
from minimolmo.training import memory

GPU = 80e9  # bytes


def test_when_the_memory_is_full_the_message_names_the_setting_to_lower():
    config = RunConfig(bootstrap=StageConfig(0), pretrain=StageConfig(0),
                       finetune=StageConfig(1, batch_size=128), accumulate=1)
    message = memory.oom_message(config, "finetune", 1, GPU)
    assert "128 images at once" in message
    assert "--resume --accumulate=2, which cuts each batch into 2 pieces" in message
    assert "--accumulate=4" in memory.oom_message(replace(config, accumulate=2), "finetune", 1, GPU)
    one_at_a_time = replace(config, accumulate=128)
    assert "--max_tokens=160" in memory.oom_message(one_at_a_time, "finetune", 1, GPU)


def test_when_the_weights_alone_fill_the_memory_the_message_asks_for_more_gpus():
    """Molmo-7B-D: 8.02 billion weights of 16 bytes are 128.3 GB, and four GPUs of 80 GB hold 32 GB each. On
    one GPU no batch is small enough; sharded over four, the batch is too large."""
    molmo = preset("molmo_7b_d")
    message = memory.oom_message(molmo, None, 1, GPU)
    assert message == memory.oom_message(molmo, "finetune", 1, GPU)
    assert "8,021 million weights of molmo_7b_d" in message and "take 128.3 GB" in message
    assert "Try 4 GPUs, each with a shard of the weights: torchrun --nproc-per-node=4" in message
    assert "--nproc-per-node=4" in memory.oom_message(molmo, None, 2, GPU)
    assert "64 images at once" in memory.oom_message(molmo, "finetune", 4, GPU)
    small = memory.oom_message(preset("mini"), None, 1, GPU)
    assert "Try again when nothing else runs on this GPU" in small
