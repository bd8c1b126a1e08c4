# What every recipe begins with; it is read by them, with their arguments.
set -eu
if [ $# != 3 ]; then
    echo "usage: $0 DATA CHECKPOINTS FOLDER; what these are stands in its first lines" >&2
    exit 2
fi
mkdir -p "$3"
data=$(realpath "$1") checkpoints=$(realpath "$2") out=$(realpath "$3")
cd "$(dirname "$0")/../.."
embert() { cargo run --release --quiet --features train -- "$@"; }
# Prose in lines of any length, a sentence a line.
in_sentences() { tr -d '\r' | tr '\n' ' ' | sed 's/\([.!?]"*\)  */\1\n/g'; }
# Sentences of novels that have a name or so, by their capital letters: one of so many.
sentences_of_novels() {
    cat "$1"/text_corpora/novels/corpus/*.txt | iconv -c -f utf-8 -t utf-8 | in_sentences |
        awk -v of="$2" 'NF >= 4 && NF <= 40 && NR % of == 0 &&
            / [A-Z][a-z]+ [A-Z][a-z]+| (Mr|Mrs|Miss|Dr)\. /'
}
# The sentences of the files of MASC whose numbers pass a test, without the tags of their words.
sentences_of_masc() {
    ls "$1"/text_corpora/nltk/masc_tagged/*/*.txt | awk "$2" | while read -r file; do
        iconv -c -f utf-8 -t utf-8 "$file" | tr '\n' ' ' | sed 's/ [^ ]*_\. */&\n/g' | awk '
            { line = ""; for (i = 1; i <= NF; i++) {
                word = $i; sub(/_[^_]*$/, "", word); line = line (line == "" ? "" : " ") word } }
            NF >= 3 && NF <= 70 { print line }'
    done
}
# The words of sentences in columns, a sentence a line.
joined() {
    tr -d '\r' | awk '/^-DOCSTART-/ { next } NF < 2 { if (line != "") print line; line = ""; next }
        { line = line (line == "" ? "" : " ") $1 } END { if (line != "") print line }'
}
