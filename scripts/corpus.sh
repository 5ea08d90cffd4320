#!/usr/bin/env bash
# Real call audio to test with, built from Debian packages in under a minute; the same hashes every time.
# usage: scripts/corpus.sh [OUTDIR]     OUTDIR is .tmp/corpus; nothing is done where its SHA256SUMS still hold
# Missing packages are installed when run as root on Debian, else named (exit 8).
# The voices are CC-BY-SA / CC-BY: generated at test time, never committed. Voices: Allison Smith and Carlo Flora.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(realpath -m "${1:-.tmp/corpus}")
made_by=$(sha256sum <"scripts/${0##*/}")
packages=(ffmpeg sox libsox-fmt-all opus-tools mkvtoolnix openssl
  asterisk-core-sounds-en-wav asterisk-core-sounds-it-wav asterisk-moh-opsound-wav)

is_current() {
  [ "$(cat "$out/MADE_BY" 2>/dev/null)" = "$made_by" ] && (cd "$out" && sha256sum --quiet --check SHA256SUMS >/dev/null 2>&1)
}
is_installed() { [ "$(dpkg-query -Wf '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
install_missing() {
  local missing=()
  for package in "${packages[@]}"; do is_installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "corpus: install first: apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 8
  fi
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# One build at a time; a second caller waits and finds it done.
mkdir -p "$(dirname "$out")"
exec 9>"$out.lock"
flock 9
if is_current; then exit 0; fi
install_missing

work=$out.making
rm -rf "$work" && mkdir -p "$work/parts" "$work/bad" && cd "$work"
exact=(-fflags +bitexact -flags:a +bitexact) # no encoder version in the file
voip=(-c:a libopus -b:a 24k -application voip "${exact[@]}")

# Two people taking turns: the agent speaks English on the left, the caller Italian on the right; who listens is
# faint noise. Prompts shorter than 1.25 s are left out.
prompts() {
  dpkg -L "$1" | grep '\.wav$' | grep -v '/\(digits\|letters\|phonetic\)/' | LC_ALL=C sort | while read -r file; do
    [ "$(stat -c %s "$file")" -le 20000 ] || echo "$file"
  done
}
noise() { sox -R -r 8000 -n -b 16 -c 1 "$1" synth "$2" pinknoise vol 0.0008; } # -r must stand before -n
mapfile -t agent < <(prompts asterisk-core-sounds-en-wav)
mapfile -t caller < <(prompts asterisk-core-sounds-it-wav)
noise parts/gap.wav 0.35
left=() right=() samples=0 turn=0
while [ $samples -lt 3840000 ]; do
  for who in agent caller; do
    if [ $who = agent ]; then prompt=${agent[$((turn * 7 % ${#agent[@]}))]}; else prompt=${caller[$((turn * 11 % ${#caller[@]}))]}; fi
    length=$(soxi -s "$prompt")
    listening=parts/$turn-$who.wav
    noise "$listening" "${length}s"
    if [ $who = agent ]; then left+=("$prompt") right+=("$listening"); else left+=("$listening") right+=("$prompt"); fi
    left+=(parts/gap.wav) right+=(parts/gap.wav)
    samples=$((samples + length + 2800))
  done
  turn=$((turn + 1))
done
sox "${left[@]}" parts/L.wav
sox "${right[@]}" parts/R.wav

# The call: 8 minutes, two channels, in everything an edge may send.
sox -R -M parts/L.wav parts/R.wav -b 16 call.wav trim 0 480
sox -R call.wav -e u-law ulaw.wav
sox -R call.wav -e a-law alaw.wav
for khz in 16 24 48; do sox -R call.wav -r ${khz}000 call$khz.wav; done
sox -R call.wav -t raw -e signed -b 16 -L call.s16le
sox -R call.wav -t raw -e u-law call.ulaw
sox -R call.wav -t raw -e a-law call.alaw
sox -R parts/L.wav parts/l.wav silence 1 0.1 1% -1 0.3 1%
sox -R parts/R.wav parts/r.wav silence 1 0.1 1% -1 0.3 1%
sox -R -M parts/l.wav parts/r.wav -b 16 doubletalk.wav trim 0 60
opusenc --quiet --serial 1 --bitrate 24 call.wav call-opusenc.opus
ffmpeg -v error -y -i call.wav "${voip[@]}" call.ogg
ffmpeg -v error -y -i call.wav "${voip[@]}" call.webm
ffmpeg -v error -y -i call.wav "${voip[@]}" -live 1 -f webm - >live.webm
mkvmerge -q --deterministic 1 -w -o laced.webm call-opusenc.opus
ffmpeg -v error -y -i call.wav "${voip[@]}" -mapping_family 255 dual255.ogg
opusenc --quiet --serial 2 --bitrate 24 --comment "NOTE=$(head -c 100000 /dev/zero | tr '\0' A)" call.wav bigtags.opus
ffmpeg -v error -y -i call.wav "${exact[@]}" -f wav - >stream.wav # both sizes 0xFFFFFFFF
ffmpeg -v error -y -i call.wav "${exact[@]}" -rf64 always rf64.wav
ffmpeg -v error -y -i call.wav -c:a libmp3lame -b:a 32k "${exact[@]}" call.mp3
ffmpeg -v error -y -i call.wav -c:a flac "${exact[@]}" call.flac
sox -R call.wav -c 1 -r 8000 -t gsm call.gsm
for _ in $(seq 15); do cat call.s16le; done >call2h.s16le # 2 hours, 230 MB

# Nobody on a line, or the same on both.
sox -R -M parts/L.wav parts/L.wav -b 16 twins.wav trim 0 60
sox -R parts/L.wav parts/mono.wav trim 0 60
sox -R -r 8000 -n -b 16 -c 1 parts/hush.wav trim 0 60
sox -R -M parts/mono.wav parts/hush.wav -b 16 dead-right.wav
sox -R -r 8000 -n -e a-law -c 2 silent-alaw.wav trim 0 60

# What goes wrong on the way.
overwrite() { dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
zeros() { head -c "$1" /dev/zero; }
opus=call-opusenc.opus
opus_bytes=$(stat -c %s $opus)
: >bad/empty
head -c 1 $opus >bad/1byte
head -c 40 $opus >bad/head-cut.opus
head -c $((opus_bytes - 1000)) $opus >bad/trunc.opus
# openssl ends by SIGPIPE
head -c 1048576 <(openssl enc -aes-128-ctr -pass pass:x -nosalt -pbkdf2 </dev/zero 2>/dev/null) >bad/random
{ printf 'ID3junkjunk' && cat $opus; } >bad/prefix.opus
{ cat $opus && zeros 4096; } >bad/tail-zeros.opus
cp $opus bad/bitflip.opus && printf '\x55' | overwrite bad/bitflip.opus 600000
cp $opus bad/hole.opus && zeros 4096 | overwrite bad/hole.opus 600000
{ head -c 600000 $opus && tail -c +610001 $opus; } >bad/lost10k.opus
cat $opus call.ogg >bad/chained-ok.opus
head -c 700000 call.webm >bad/trunc.webm
cp call.webm bad/hole.webm && zeros 4096 | overwrite bad/hole.webm 700000
printf '\x1a\x45\xdf\xa3\x80\xec\x01\x00\x00\x00\xff\xff\xff\xf7' >bad/loop14.webm # a Void of 4 GB: hangs prism-media
head -c 700001 call.wav >bad/odd-cut.wav
head -c 30 call.wav >bad/head-cut.wav
{ head -c 40 call.wav && printf '\0\0\0\0' && tail -c +45 call.wav; } >bad/data0.wav
{ head -c 22 call.wav && printf '\0\0' && tail -c +25 call.wav; } >bad/0ch.wav
{ cat call.wav && zeros 333; } >bad/trailing.wav
printf '<html>502</html>' >bad/html.opus

rm -r parts
sums=$(find . -type f -printf '%P\n' | LC_ALL=C sort | xargs sha256sum)
echo "$sums" >SHA256SUMS
echo "$made_by" >MADE_BY
rm -rf "$out" && mv "$work" "$out"
