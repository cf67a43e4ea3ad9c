#!/bin/sh
# The model inside the package, from its first run to its bundle: `sh recipes/english/runs.sh DATA`
#
# DATA is the data folder that README.md describes, with the sentences and AN4's archive. A command that was stopped goes
# on when it is given again; all of it takes two cores some days. Numbers are those of the table in README.md; what is
# missing led nowhere. An --set that is given twice counts as it stands last.
set -euf
DATA=$1

# Synthetic speech: README.md says what of it each run heard
synthesize() {
    engine=$1 hours=$2 spelled=$3 seed=$4 short=${5:-0}
    python -m recipes.english.synthesize "$engine" "$DATA/en_prompts.txt.gz" "$DATA/synthetic" \
        --hours "$hours" --spelled "$spelled" --seed "$seed" --short "$short"
}
synthesize hibari 5 0.25 21
synthesize flite 3.74 0.25 21
synthesize espeak 1.5 0.25 21
for engine in hibari flite espeak; do synthesize $engine 0.14 1.0 22; done
synthesize kokoro 0.35 0.9 1
synthesize kokoro 0.13 0.3 2
synthesize kokoro 0.47 0.2 13
synthesize kokoro 0.22 0.95 14
synthesize kokoro 0.24 0.2 15
synthesize kokoro 0.04 0.2 16
synthesize kokoro 0.17 0.95 17
synthesize kokoro 0.12 0.2 18

# What the recipe said until the run that is named, where that is not what it says now
BEFORE_15="--set training.learning_rate=8.0e-4 --set training.steps=4300 --set training.chunk_seconds=[0.32,0.64,1.28]"
BEFORE_14="$BEFORE_15 --set augmentation.telephone_share=0.15"
BEFORE_13="$BEFORE_14 --set augmentation.response_db=0.0 --set augmentation.noise_share=0.25
    --set augmentation.snr_db=[5.0,30.0] --set training.learning_rate=1.0e-3"
BEFORE_12="$BEFORE_13 --set training.whole_share=0.5"
BEFORE_9="$BEFORE_12 --set model.stack=2"
BEFORE_5="$BEFORE_9 --set model.dropout=0.15 --set augmentation.noise_share=0.3 --set augmentation.frequency_mask_bins=15
    --set augmentation.time_mask_share=0.15 --set augmentation.token_noise=0.15 --set training.batch_seconds=60.0"
INHERIT="--set tokenizer.kind=inherited"
TAUGHT="$INHERIT --set data.teacher=teacher --set training.teacher_weight=4.0"

one() { # RUN ORIGIN SETTINGS: a run on one core
    run=$1 origin=$2
    shift 2
    speech2text train recipes/english --data "$DATA" --run "runs/$run" --init-from "$origin" "$@"
}
two() { # the same on two
    run=$1 origin=$2
    shift 2
    torchrun --nproc-per-node 2 -m speech2text -- train recipes/english --data "$DATA" --run "runs/$run" --init-from "$origin" "$@"
}

# AN4 alone comes first, because on mixed speech CTC keeps to blanks for long; fit.jsonl is without the dev speakers
speech2text train recipes/an4 --data "$DATA/an4_sphere.tar.gz" --run runs/an4 --set 'data.train=["fit.jsonl"]' \
    --set augmentation.splice_share=0.0 --set training.steps=8000
one english-3 runs/an4 $BEFORE_5 --set training.steps=16000 --set training.warmup_steps=500
one english-4 runs/english-3 $BEFORE_5 $INHERIT --set training.steps=12000 --set training.learning_rate=8.0e-4
two english-5 runs/english-4 $BEFORE_9 $INHERIT --set model.dropout=0.05 --set training.steps=4800 \
    --set training.batch_seconds=120.0
two english-6 runs/english-5 $BEFORE_9 $INHERIT --set training.steps=8500 --set training.batch_seconds=120.0 \
    --set decoding.lm_weight=0.0
speech2text export runs/english-6 bundles/english-6 --int8 --manifest runs/english-6/data/dev.jsonl
python -m recipes.english.teach runs/english-6/data/train.jsonl "$DATA/synthetic/manifest.jsonl" "$DATA/teacher"
two english-9 bundles/english-6 $BEFORE_12 $TAUGHT --set training.steps=5800
two english-10 runs/english-9 $BEFORE_12 $TAUGHT --set training.steps=6200
two english-11 runs/english-10 $BEFORE_12 $TAUGHT --set training.steps=6200 # stopped after 1000 steps
two english-12 runs/english-11 $BEFORE_13 $TAUGHT --set training.steps=3700
two english-13 runs/english-12 $BEFORE_14 $TAUGHT
two english-14 runs/english-13 $BEFORE_15 $TAUGHT
two english-15 runs/english-14 $TAUGHT --set training.teacher_weight=2.0

# Other texts, and then an end with little augmentation, from half of the weights of each
synthesize hibari 13 0.1 41
synthesize hibari 1 0.1 42
synthesize flite 8 0.1 43
synthesize espeak 2 0.1 44
synthesize kokoro 0.35 0.15 31
synthesize kokoro 0.03 0.35 32
two english-17 runs/english-15 $INHERIT --set training.steps=5000 # stopped after 4250
python -m recipes.english.average runs/english-17 runs/english-15 runs/english-15-17
MILD="--set augmentation.noise_share=0.15 --set augmentation.snr_db=[5.0,30.0] --set augmentation.response_db=4.0
    --set augmentation.telephone_share=0.1 --set augmentation.frequency_mask_bins=6 --set augmentation.time_masks=1
    --set augmentation.time_mask_frames=15 --set augmentation.token_noise=0.05"
two english-19 runs/english-15-17 $TAUGHT $MILD --set training.teacher_weight=1.0 --set training.steps=1000 \
    --set training.learning_rate=3.0e-4 --set training.warmup_steps=50 --set training.average_decay=0.99
two english-20 runs/english-19 $TAUGHT $MILD --set training.teacher_weight=1.0 --set training.steps=4400 \
    --set training.learning_rate=5.0e-4 --set training.warmup_steps=100 --set training.average_decay=0.998

# A reader of the teacher's features as teacher, its lesson nearly alone, and half of that and of the run before it
python -m recipes.english.reader "$DATA/teacher" runs/english-20 "$DATA/en_train.jsonl" "$DATA/en_extra.jsonl" \
    "$DATA/digits_train.jsonl" "$DATA/reader"
READ="$INHERIT --set data.teacher=reader --set training.warmup_steps=100 --set training.average_decay=0.998"
MORE="$MILD --set augmentation.noise_share=0.25 --set augmentation.snr_db=[3.0,28.0]
    --set augmentation.frequency_mask_bins=8 --set augmentation.time_mask_frames=20 --set augmentation.token_noise=0.1"
two english-21 runs/english-20 $READ $MORE --set training.teacher_weight=5.0 --set training.steps=2600
two english-24 runs/english-21 $READ $MORE --set training.teacher_weight=50.0 --set training.learning_rate=8.0e-4 \
    --set training.steps=4200 # stopped after 2900
two english-25 runs/english-24 $READ $MILD --set training.teacher_weight=5.0 --set training.learning_rate=5.0e-4 \
    --set training.steps=1800
python -m recipes.english.average runs/english-25 runs/english-20 runs/english-20-25

# The language model, and the model that run 27 began with
read_texts() { # BUNDLE OUTPUT SETTINGS
    model=$1 output=$2
    shift 2
    speech2text train-lm "$DATA/en_sentences.txt.gz" "$DATA/en_train.jsonl" "$DATA/en_extra.jsonl" \
        "$DATA/digits_train.jsonl" --model "$model" --output "$output" --lm-weight 0.4 "$@"
}
read_texts bundles/english-6 bundles/with-lm --steps 6000
speech2text export runs/english-20-25 bundles/english-20-25 --int8 --manifest runs/english-25/data/dev.jsonl \
    --lm bundles/with-lm

# Twice as long a run as any since the sixth, on a processor with bf16 and speech that none had heard
synthesize kokoro 2.29 0.2 91
synthesize hibari 8 0.12 92
synthesize flite 5 0.15 93
synthesize espeak 1.2 0.15 94
LONG="--set training.teacher_weight=1.0 --set training.warmup_steps=100 --set augmentation.noise_share=0.25
    --set augmentation.snr_db=[3.0,28.0] --set augmentation.response_db=5.0 --set augmentation.telephone_share=0.15
    --set augmentation.frequency_mask_bins=8"
two english-27 bundles/english-20-25 $TAUGHT $MILD $LONG --set training.steps=13500
python -m recipes.english.average runs/english-27 bundles/english-20-25 runs/english-27-half
python -m recipes.english.average runs/english-27 runs/english-27-half runs/english-27-mean
speech2text export runs/english-27-mean bundles/english-27 --int8 --manifest runs/english-27/data/dev.jsonl \
    --lm bundles/with-lm

# As long again with more of Kokoro, which the teacher had heard too, and texts made anew of a speaker's words
synthesize kokoro 1.12 0.2 95
synthesize kokoro 1.12 0.2 96
synthesize hibari 6 0.12 98
synthesize flite 3 0.15 99
synthesize espeak 0.8 0.15 100
python -m recipes.english.teach "$DATA/synthetic/manifest.jsonl" "$DATA/teacher"
SPLICED="--set augmentation.splice_share=0.3 --set augmentation.splice_after=0"
two english-28 bundles/english-27 $TAUGHT $MILD $LONG --set training.steps=15500 $SPLICED \
    --set training.checkpoint_every=4000
speech2text export runs/english-28 bundles/english-28 --int8 --manifest runs/english-28/data/dev.jsonl \
    --lm bundles/with-lm

# More digits and spelled texts, and half of that and of the run before it
synthesize kokoro 1.07 0.6 103
synthesize kokoro 1.07 0.6 104
synthesize hibari 6 0.12 105
synthesize flite 3 0.15 106
synthesize espeak 0.8 0.15 107
python -m recipes.english.teach "$DATA/synthetic/manifest.jsonl" "$DATA/teacher"
two english-29 bundles/english-28 $TAUGHT $MILD $LONG --set training.steps=10000 $SPLICED \
    --set training.checkpoint_every=5000
python -m recipes.english.average runs/english-29 bundles/english-28 runs/english-28-29

# The spoken lines of three games, which the teacher has heard too; more of what nobody says
synthesize kokoro 0.22 0.4 111
synthesize kokoro 0.22 0.4 112
python -m recipes.english.games "$DATA/debian" "$DATA/games"
python -m recipes.english.teach "$DATA/games/manifest.jsonl" "$DATA/synthetic/manifest.jsonl" "$DATA/teacher"
two english-34 runs/english-28-29 $TAUGHT $MILD $LONG --set training.steps=9000 $SPLICED \
    --set training.checkpoint_every=4500
python -m recipes.english.average runs/english-34 runs/english-28-29 runs/english-28-29-34
two english-36 runs/english-28-29-34 $TAUGHT $MILD $LONG --set training.steps=12500 $SPLICED \
    --set training.checkpoint_every=6250 --set augmentation.non_speech_share=0.05

# A fifth each of the last two runs, and three of the mean before them
python -m recipes.english.average runs/english-34 runs/english-36 runs/english-34-36
python -m recipes.english.average --share 0.4 runs/english-34-36 runs/english-28-29 runs/english-mean

# A larger language model in four bits
read_texts bundles/english-28 bundles/with-larger-lm --steps 12000 --units 720 --bits 4 --dropout 0.3

# Words said alone and more noise, from the int8 weights of that mean; 35 hundredths of it, and the rest of them
speech2text export runs/english-mean bundles/english-mean --int8 --manifest runs/english-36/data/dev.jsonl \
    --lm bundles/with-larger-lm
synthesize hibari 6 0.12 131 0.25
synthesize flite 3 0.15 133 0.25
synthesize espeak 0.8 0.15 134 0.25
synthesize kokoro 1.48 0.25 131 0.6
synthesize kokoro 1.4 0.25 132 0.6
python -m recipes.english.teach "$DATA/synthetic/manifest.jsonl" "$DATA/teacher"
NOISY="--set augmentation.noise_share=0.4 --set augmentation.snr_db=[0.0,24.0] --set augmentation.telephone_share=0.2
    --set augmentation.gain_db=[-30.0,6.0] --set augmentation.non_speech_share=0.05"
two english-38 bundles/english-mean $TAUGHT $MILD $LONG $NOISY --set training.steps=7000 $SPLICED \
    --set training.checkpoint_every=1750
python -m recipes.english.average --share 0.35 runs/english-38 bundles/english-mean runs/english-mean-38

# A voice of Piper, and the letter a as espeak-ng says it now; half of it, and half of its start
synthesize hibari 3 0.12 141 0.25
synthesize piper 6 0.2 141 0.3
synthesize espeak 0.8 0.15 144 0.25
synthesize kokoro 2.14 0.25 141 0.6
synthesize kokoro 0.83 0.25 142 0.6
python -m recipes.english.teach "$DATA/synthetic/manifest.jsonl" "$DATA/teacher"
WORDS="--set augmentation.telephone_share=0.2 --set augmentation.gain_db=[-30.0,6.0]
    --set augmentation.non_speech_share=0.05"
two english-39 runs/english-mean-38 $TAUGHT $MILD $LONG $WORDS --set training.steps=7000 $SPLICED \
    --set training.checkpoint_every=1750
python -m recipes.english.average runs/english-39 runs/english-mean-38 runs/english-39-half

# More of what nobody says, from that half; three layers more, in four bits; none of it is shipped
two english-40 runs/english-39-half $TAUGHT $MILD $LONG $WORDS --set training.steps=1200 \
    --set training.learning_rate=3.0e-4 --set training.warmup_steps=50 --set training.average_decay=0.99 \
    --set augmentation.non_speech_share=0.1
two english-41 runs/english-39-half $TAUGHT $MILD $LONG $WORDS $SPLICED --set training.steps=7500 \
    --set training.learning_rate=8.0e-4 --set training.warmup_steps=200 --set training.checkpoint_every=3750 \
    --set training.teacher_weight=3.0 --set model.residual_layers=3 --set model.listener_bits=4 \
    --set model.dropout=0.1 --set augmentation.frequency_mask_bins=10 --set augmentation.time_masks=2 \
    --set augmentation.time_mask_frames=20 --set augmentation.token_noise=0.1
python -m recipes.english.average runs/english-41 runs/english-39-half runs/english-41-half
two english-42 runs/english-41-half $TAUGHT $MILD $LONG $WORDS --set training.steps=900 \
    --set training.learning_rate=3.0e-4 --set training.warmup_steps=50 --set training.average_decay=0.99 \
    --set augmentation.non_speech_share=0.1 --set model.residual_layers=3 --set model.listener_bits=4
two english-43 runs/english-39-half $TAUGHT $MILD $LONG $WORDS --set training.steps=300 \
    --set training.learning_rate=1.0e-4 --set training.warmup_steps=20 --set training.average_decay=0.98 \
    --set augmentation.non_speech_share=0.2

# What is harder to learn by heart, from that half; three tenths of it, and the rest of its start
HARDER="--set model.dropout=0.1 --set augmentation.frequency_mask_bins=10 --set augmentation.time_masks=2
    --set augmentation.time_mask_frames=20 --set augmentation.token_noise=0.1"
two english-44 runs/english-39-half $TAUGHT $MILD $LONG $WORDS $SPLICED $HARDER --set training.steps=7000 \
    --set training.checkpoint_every=1400
python -m recipes.english.average --share 0.3 runs/english-44 runs/english-39-half runs/english-mean-44 # shipped then

# The same again from its end, and then in rooms that echo
two english-45 runs/english-44 $TAUGHT $MILD $LONG $WORDS $SPLICED $HARDER --set training.steps=7000 \
    --set training.checkpoint_every=1400 --set training.seed=45 # stopped after 2800
two english-46 runs/english-45 $TAUGHT $MILD $LONG $WORDS $SPLICED $HARDER --set training.steps=6500 \
    --set training.checkpoint_every=2200 --set training.seed=46 --set augmentation.reverberation_share=0.35
python -m recipes.english.average runs/english-46 runs/english-39-half runs/english-mean-46 # shipped

# From that mean, in more and worse rooms
two english-47 runs/english-mean-46 $TAUGHT $MILD $LONG $WORDS $SPLICED $HARDER --set training.steps=6500 \
    --set training.checkpoint_every=2150 --set training.seed=47 --set augmentation.reverberation_share=0.5
python -m recipes.english.average runs/english-47 runs/english-39-half runs/english-mean-47 # not shipped

# The bundle, and what is tuned on dev; the last command recomputes every figure of the card
speech2text export runs/english-mean-46 bundles/english --int8 --manifest runs/english-46/data/dev.jsonl \
    --lm bundles/with-larger-lm --sample speech2text/default_bundle/sample.flac
python -m recipes.measurements.calibration bundles/english "$DATA/en_dev.jsonl" --write
python -m recipes.measurements.silence "$DATA/en_dev.jsonl" "$DATA/digits_dev.jsonl" --noise "$DATA/noise.jsonl" \
    --bundle bundles/english --tune
python -m recipes.figures --bundle bundles/english --write "$DATA/en_dev.jsonl" "$DATA/en_test.jsonl" \
    "$DATA/digits_dev.jsonl" "$DATA/digits_test.jsonl"
