package avro

// bzipped is "hello" and "world" as Avro strings, packed with bzip2.
const bzipped = "425a683931415926535932117fa500000041800010064490802000310c0821a369080723ae878bb9229c28481908bfd280"
