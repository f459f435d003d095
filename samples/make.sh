#!/bin/sh
# How the samples were made (Debian 12: imagemagick, fonts-dejavu-core, espeak-ng, sox). They are
# committed, so nothing runs this; it is here so that anyone can make them again.
set -e
cd "$(dirname "$0")"

convert -size 820x520 xc:'#fffdf7' -fill '#1c1c1c' \
  -font DejaVu-Serif-Bold -pointsize 30 -annotate +48+66 'Harbour Books and Maps' \
  -font DejaVu-Serif -pointsize 19 -annotate +48+106 'Invoice 4711, 14 March 2026' \
  -font DejaVu-Sans -pointsize 22 -annotate +48+170 'Moby Dick, first illustrated edition' -annotate +640+170 '38.50 EUR' \
  -annotate +48+212 'Sea chart, Nantucket Sound' -annotate +640+212 '24.00 EUR' \
  -annotate +48+254 'Brass ruler, 30 cm' -annotate +640+254 '12.75 EUR' \
  -stroke '#1c1c1c' -draw 'line 48,280 770,280' -stroke none \
  -font DejaVu-Sans-Bold -pointsize 22 -annotate +48+322 'Total to pay' -annotate +640+322 '75.25 EUR' \
  -font DejaVu-Sans -pointsize 19 -annotate +48+390 'Please pay within 14 days to account 0042 7781.' \
  -annotate +48+424 'Questions? Write to office@harbour-books.example' \
  -font DejaVu-Serif-Italic -pointsize 19 -annotate +48+480 'Thank you for reading by lamplight.' \
  -depth 8 -colors 32 -strip PNG8:page.png

convert -size 700x330 xc:white -fill '#202020' \
  -font DejaVu-Sans-Bold -pointsize 28 -annotate +40+60 'Weather at the lighthouse' \
  -font DejaVu-Sans -pointsize 22 -annotate +40+118 'Monday: fog until noon, then clear, 11 degrees.' \
  -annotate +40+160 'Tuesday: strong wind from the north, 7 degrees.' \
  -annotate +40+202 'Wednesday: light rain in the evening, 9 degrees.' \
  -font DejaVu-Sans-Oblique -pointsize 18 -annotate +40+270 'The next ferry leaves at 06:45 from pier 3.' \
  -depth 8 -colors 16 -strip PNG8:notice.png

# 1.2 s of silence, a sentence, 1.4 s of silence, a sentence, 1 s of silence.
work=$(mktemp -d)
espeak-ng -v en-gb -s 150 -w "$work/first.wav" "The lighthouse keeper lit the lamp at seven."
espeak-ng -v en-gb -s 170 -w "$work/second.wav" "Three ships came home before the storm."
sox -R "$work/first.wav" -r 16000 -c 1 -b 16 "$work/1.wav" pad 1.2 1.4
sox -R "$work/second.wav" -r 16000 -c 1 -b 16 "$work/2.wav" pad 0 1.0
sox -R "$work/1.wav" "$work/2.wav" speech.wav gain -3
rm -r "$work"
