# Every target's raw command is printed as it runs; README lists them for machines without make. "$Q" and
# the like are values of the environment: what is typed reaches a command letter by letter, and no shell runs
# it. So make cannot print them: RUN has the command print itself, quoted for a shell. Only ARGS is the shell's
# to read: several options, and quotes, as ARGS='--view=ground --out="my dot.png"'.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup quickstart data data-pixmo look train eval ask demo mine inside test faults spec smoke bench speedrun ablate
.PHONY: gpu release clean lesson lessons lessons-write start check hint progress blank reset marks tiny notebooks course

PYTHON  ?= .venv/bin/python
PRESET  = nano
LEVEL   = $(if $(filter mini,$(PRESET)),full,easy)
VOCAB   = $(if $(filter full,$(LEVEL)),2048,512)
OUT     = out/$(PRESET)
SEED    = 1
IMAGE   = data/pictures/scene.png
Q       = Point to the shapes.
ARGS    =
N       =
F       =
IMAGES  =
SETS    =
ROWS    = 2000
SIZE    = 512
PHOTOS  =

VALUES  = PRESET LEVEL VOCAB OUT SEED IMAGE Q N F IMAGES SETS ROWS SIZE PHOTOS
literal = $(if $(filter-out file,$(origin $(1))),$(eval override $(1) := $$(value $(1))))
$(foreach name,$(VALUES),$(call literal,$(name)))
export $(VALUES)
GIVEN   = $(if $(filter-out file,$(origin OUT)),--weights="$$OUT")
RUN     = @SHOW_COMMAND=$(if $(findstring s,$(firstword -$(value MAKEFLAGS))),,1) $(PYTHON)
CLEANER = $(if $(wildcard $(PYTHON)),$(PYTHON),python3)

help:        ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# PYTHON=python3 uses an interpreter that already has the five packages; nothing is installed.
setup: $(if $(filter .venv/bin/python,$(PYTHON)),.venv/ready)   ## install the packages into .venv

.venv/ready: requirements.txt
	test -x .venv/bin/python || python3 -m venv .venv
	.venv/bin/python -m pip install --quiet -r requirements.txt
	touch .venv/ready

quickstart: data train eval   ## everything: data, all stages of nano, scores, report.png (12 minutes on 2 cores)

data: setup         ## draw mini-PixMo, no download: LEVEL=easy or full (eight sets), or small (four); IMAGES=N train images in all
	$(RUN) -m data.prepare_all --level="$$LEVEL" --seed="$$SEED" $(if $(IMAGES),--images="$$IMAGES")
	$(RUN) -m data.tokenizer.prepare --level="$$LEVEL" --vocab="$$VOCAB"

data-pixmo: setup   ## download a subset of the real PixMo: SETS="cap points" ROWS=2000 SIZE=512 (pixels) SEED=1
	$(RUN) -m data.pixmo.prepare $(if $(SETS),--sets="$$SETS") --rows="$$ROWS" --size="$$SIZE" --seed="$$SEED"

look: setup         ## one contact sheet for each drawn set of LEVEL: out/look/*.png
	$(RUN) -m data.preview.contact_sheets --level="$$LEVEL"

train: setup        ## train PRESET=nano on the drawn data, or resume where it stopped
	$(RUN) train.py --out="$$OUT" --level="$$LEVEL" --seed="$$SEED" --resume $(ARGS) -- "$$PRESET"

eval: setup         ## score OUT=out/nano on held-out images: right, blank and other image
	$(RUN) -m minimolmo.evaluate --weights="$$OUT"

ask: setup          ## ask about an image (OUT=out/x, else your nano, else the released one): make ask IMAGE=photo.jpg Q="Point at the red circle."
	$(RUN) -m minimolmo.answer $(GIVEN) $(ARGS) -- "$$IMAGE" "$$Q"

demo: setup         ## a page in your browser to ask the model and to look inside it (OUT= as for ask; ARGS=--port=8000)
	$(RUN) -m minimolmo.page.demo $(GIVEN) $(ARGS)

mine: setup         ## make PixMo data from your own photos in the browser: data/mine (PHOTOS=folder offers the photos in it)
	$(RUN) -m minimolmo.page.mine $(GIVEN) $(if $(PHOTOS),--photos="$$PHOTOS") $(ARGS)

inside: setup       ## eight figures of how IMAGE and question Q become an answer, and your run's losses: out/inside/*.png
	$(RUN) -m minimolmo.viz.figures $(GIVEN) $(ARGS) -- "$$IMAGE" "$$Q"

test: setup         ## run all tests (5 minutes on 2 cores)
	$(PYTHON) tests/tools/suite.py $(ARGS)

faults: setup       ## damage files, fill the disk, kill -9 writers: thousands of times (a few minutes; ARGS=--seed=1)
	$(PYTHON) tests/tools/faults.py $(ARGS)

spec: setup         ## print the tests' names as a manual
	@$(PYTHON) tests/tools/spec.py

smoke: setup        ## 20 steps of everything, then one answer, which is babble (1 minute)
	$(PYTHON) -m data.clean out/smoke
	$(PYTHON) -m data.prepare_all --images=256 --folder=out/smoke/data
	$(PYTHON) -m data.tokenizer.prepare --folder=out/smoke/data
	$(PYTHON) train.py --data=out/smoke/data --out=out/smoke --bootstrap.steps=8 --pretrain.steps=4 --finetune.steps=8
	@echo "all parts ran. Nano needs thousands of steps: after 20, the answer below is babble, as expected"
	$(RUN) -m minimolmo.answer --weights=out/smoke -- out/smoke/data/points/easy/images/val_000000.png "$$Q"

bench: setup        ## measure PRESET here: steps, MFU, attention, packing, crops, decoding, tiler (1 minute)
	$(RUN) tests/tools/bench.py $(ARGS) -- "$$PRESET"

speedrun: setup     ## train mini to its goals on one GPU, and measure the time (ARGS=--minutes=9 stops; run it again to resume)
	$(PYTHON) tests/tools/speedrun.py mini $(ARGS)

gpu: setup          ## measure all that waits for a GPU, the best minutes first; run it again to go on (ARGS=--minutes=9)
	$(RUN) tests/tools/gpu.py $(if $(filter-out file,$(origin OUT)),--out="$$OUT") $(ARGS)

ablate: setup       ## measure the effect of each idea of Molmo: many small runs, resumable (a GPU; needs make data LEVEL=full VOCAB=2048)
	$(PYTHON) tests/tools/ablate.py $(ARGS)

release: setup      ## export OUT=out/mini as a folder to publish: data/released/minimolmo-mini (after make eval)
	$(RUN) -m minimolmo.weights.release $(ARGS) -- "$$OUT"

lesson: setup       ## run one lesson's page and check its outputs: make lesson N=05
	$(RUN) -m lessons.run $(if $(N),-- "$$N",$(error which lesson? Try make lesson N=05))

lessons: setup      ## run all lessons (under 10 minutes on 2 cores)
	$(PYTHON) -m lessons.run

lessons-write: setup ## write the current outputs, quotes and pictures into the lessons (N=05: into one)
	$(RUN) -m lessons.run --write -- "$$N"

start: setup        ## copy a lesson's exercises to mine/: make start N=05
	$(RUN) -m lessons.check --start -- "$$N"

check: setup        ## compare your exercises with the library: make check N=05
	@$(PYTHON) -m lessons.check $(if $(N),-- "$$N",$(error which lesson? Try make check N=05))

hint: setup         ## one more hint, in three steps: make hint N=03 F=attention (default: the first not passed)
	@$(PYTHON) -m lessons.hint $(if $(N),-- "$$N" $(if $(F),"$$F"),$(error which lesson? Try make hint N=05))

progress: setup     ## show your state in all lessons, and the next step
	@$(PYTHON) -m lessons.check

blank: setup        ## remove the bodies of a lesson's functions in your copy, mine/minimolmo: make blank N=05
	$(RUN) -m lessons.blank $(if $(N),-- "$$N",$(error which lesson? Try make blank N=05))

reset: setup        ## empty one function of your copy again: make reset N=05 F=stitch_ids
	$(RUN) -m lessons.blank --reset="$$F" $(if $(N),-- "$$N",$(error which lesson? Try make reset N=05 F=stitch_ids))

# A failing test is no failure of make, whose "Error 1" would look like a crash.
marks: setup        ## run the library's own tests on your copy: make marks N=05
	@$(PYTHON) -m lessons.blank --marks $(if $(N),-- "$$N",$(error which lesson? Try make marks N=05)) || true

tiny: setup         ## train 80 steps with the code in mine/minimolmo, and compare its losses (2 to 4 minutes)
	$(PYTHON) -m data.clean out/tiny
	$(PYTHON) -m data.prepare_all --images=256 --folder=out/tiny/data
	$(PYTHON) -m data.tokenizer.prepare --folder=out/tiny/data
	$(PYTHON) -m lessons.train_mine

notebooks: setup    ## write each lesson as a notebook: out/notebooks/*.ipynb
	$(PYTHON) -m lessons.notebooks

course: setup       ## write the lessons as pages for a browser: out/course (ARGS=--open opens them)
	$(PYTHON) -m lessons.course $(ARGS)

clean:              ## remove drawn data, figures and caches; training runs only with ARGS=--runs; name what stays
	$(CLEANER) -m data.clean $(ARGS)
