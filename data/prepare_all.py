"""Draw every set of mini-PixMo.

    python -m data.prepare_all --level=easy --seed=1 --sets=cap,points --workers=2 --images=1000
"""
from data.ask_model_anything.prepare import compose as ask_model_anything
from data.cap.prepare import compose as cap
from data.count.prepare import compose as count
from data.points.prepare import compose as points
from data.write import command

SETS = {"points": points, "count": count, "ask_model_anything": ask_model_anything, "cap": cap}

if __name__ == "__main__":
    command(SETS)
