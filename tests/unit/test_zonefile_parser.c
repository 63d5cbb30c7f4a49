/* test_zonefile_parser.c - what master files mean, and what is said of those that mean nothing. */
#include <stdlib.h>

#include "zonefile_read.h"

/* Text of the zone "x.", octets of it when it holds NUL, the records, the complaints. */
static const struct {
    const char *what;
    const char *text;
    size_t length; /* 0: up to the NUL */
    const char *lines;
    const char *complaints;
} rows[] = {
    {"an empty file", "", 0, "", ""},
    {"only a comment, without a newline", "; nothing", 0, "", ""},
    {"only blanks", " \t \n\n  ; c\n", 0, "", ""},
    {"TTL, class, type", "a 5 IN A 192.0.2.1\n", 0, "a.x. 5 IN A 192.0.2.1\n", ""},
    {"class, TTL, type", "a IN 5 A 192.0.2.1\n", 0, "a.x. 5 IN A 192.0.2.1\n", ""},
    {"lower case words", "a in 5 a 192.0.2.1\n", 0, "a.x. 5 IN A 192.0.2.1\n", ""},
    {"an unknown class that is the zone's", "a 5 CLASS1 A 192.0.2.1\n", 0,
     "a.x. 5 IN A 192.0.2.1\n", ""},
    {"no newline at the end", "a 5 A 192.0.2.1", 0, "a.x. 5 IN A 192.0.2.1\n", ""},
    {"newlines with carriage returns", "a 5 A 192.0.2.1\r\n\r\nb A 192.0.2.2\r\n", 0,
     "a.x. 5 IN A 192.0.2.1\nb.x. 5 IN A 192.0.2.2\n", ""},
    {"a carriage return behind a quote", "a 5 TXT \"b\"\r\n", 0, "a.x. 5 IN TXT \"b\"\n", ""},
    {"a blank owner is the last one", "a 5 A 192.0.2.1\n\tA 192.0.2.2\n", 0,
     "a.x. 5 IN A 192.0.2.1\na.x. 5 IN A 192.0.2.2\n", ""},
    {"the origin as owner and in data", "@ 5 CNAME @\n", 0, "x. 5 IN CNAME x.\n", ""},
    {"a quoted @ is a label", "\"@\" 5 A 192.0.2.1\n", 0, "\\@.x. 5 IN A 192.0.2.1\n", ""},
    {"an escaped @ is a label", "\\@ 5 A 192.0.2.1\n", 0, "\\@.x. 5 IN A 192.0.2.1\n", ""},
    {"an absolute owner", "a.x. 5 A 192.0.2.1\n", 0, "a.x. 5 IN A 192.0.2.1\n", ""},
    {"the zone in another letter case", "a.X. 5 A 192.0.2.1\n", 0, "a.X. 5 IN A 192.0.2.1\n", ""},
    {"escapes in an owner", "\\000\\.\\;\\(\\ b\\065 5 A 192.0.2.1\n", 0,
     "\\000\\.\\;\\(\\032bA.x. 5 IN A 192.0.2.1\n", ""},
    {"an owner that begins with a dollar sign", "\\$TTL 5 A 192.0.2.1\n", 0,
     "\\$TTL.x. 5 IN A 192.0.2.1\n", ""},
    {"a label of 63 octets",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 5 A 192.0.2.1\n", 0,
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.x. 5 IN A 192.0.2.1\n", ""},
    {"a label of 64 octets",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 5 A 192.0.2.1\n", 0, "",
     "1:1: error: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...' is no name: a "
     "label is empty or longer than 63 octets, or an escape is neither \\X nor \\DDD up to 255\n"},
    {"parentheses over lines", "a 5 MX ( 10 ; c )\n\n b )\n", 0, "a.x. 5 IN MX 10 b.x.\n", ""},
    {"parentheses around the fields", "a ( 5 IN\nMX 10\nb )\n", 0, "a.x. 5 IN MX 10 b.x.\n", ""},
    {"parentheses within parentheses", "a 5 MX((10)b)\n", 0, "a.x. 5 IN MX 10 b.x.\n", ""},
    {"a blank line in parentheses keeps the owner", "a 5 MX (\n10 b\n)\n MX 20 c\n", 0,
     "a.x. 5 IN MX 10 b.x.\na.x. 5 IN MX 20 c.x.\n", ""},
    {"strings, quoted and not", "a 5 TXT b \"c d\" \"\" \"e;(\\\"\" f\\ g\n", 0,
     "a.x. 5 IN TXT \"b\" \"c d\" \"\" \"e;(\\\"\" \"f g\"\n", ""},
    {"strings that touch", "a 5 TXT \"b\"\"c\"d\"e\"\n", 0,
     "a.x. 5 IN TXT \"b\" \"c\" \"d\" \"e\"\n", ""},
    {"quotes inside a parameter of SVCB", "a 5 SVCB 1 . alpn=\"h2,h3\" key667=\"b c\"\n", 0,
     "a.x. 5 IN SVCB 1 . alpn=\"h2,h3\" key667=\"b c\"\n", ""},
    {"a comment right behind a word", "a 5 A 192.0.2.1;c\n", 0, "a.x. 5 IN A 192.0.2.1\n", ""},
    {"8-bit octets", "a 5 TXT \xc3\xa9\n", 0, "a.x. 5 IN TXT \"\\195\\169\"\n", ""},
    {"an unknown type", "a 5 TYPE65280 \\# 2 abcd\n", 0, "a.x. 5 IN TYPE65280 \\# 2 ABCD\n", ""},
    {"a known type by number", "a 5 TYPE1 192.0.2.1\n", 0, "a.x. 5 IN A 192.0.2.1\n", ""},
    {"a known type in the generic form", "a 5 A \\# 4 c0000201\n", 0, "a.x. 5 IN A 192.0.2.1\n",
     ""},
    {"units", "a 1w2d3h4m5s A 192.0.2.1\n", 0, "a.x. 788645 IN A 192.0.2.1\n", ""},
    {"units in upper case, and none at the end", "a 1H5 A 192.0.2.1\n", 0,
     "a.x. 3605 IN A 192.0.2.1\n", ""},
    {"$TTL wins over the last TTL", "a 5 A 192.0.2.1\n$TTL 1h\nb A 192.0.2.1\n", 0,
     "a.x. 5 IN A 192.0.2.1\nb.x. 3600 IN A 192.0.2.1\n", ""},
    {"$TTL changes", "$TTL 1\na A 192.0.2.1\n$ttl 2 ; c\na A 192.0.2.2\n", 0,
     "a.x. 1 IN A 192.0.2.1\na.x. 2 IN A 192.0.2.2\n", ""},
    {"the minimum of the SOA as TTL", "@ SOA a b 1 2 3 4 9\n A 192.0.2.1\nc A 192.0.2.1\n", 0,
     "x. 9 IN SOA a.x. b.x. 1 2 3 4 9\nx. 9 IN A 192.0.2.1\nc.x. 9 IN A 192.0.2.1\n",
     "1:1: warning: there is no TTL and no $TTL before: taking the SOA's minimum, 9\n"},
    {"no TTL at all", "a A 192.0.2.1\nb 5 A 192.0.2.1\n", 0, "b.x. 5 IN A 192.0.2.1\n",
     "1:1: error: there is no TTL: write one, or $TTL before the first record\n"},
    {"a TTL of 2^31 - 1", "a 2147483647 A 192.0.2.1\n", 0, "a.x. 2147483647 IN A 192.0.2.1\n", ""},
    {"a TTL of 2^31", "a 2147483648 A 192.0.2.1\n", 0, "a.x. 0 IN A 192.0.2.1\n",
     "1:3: warning: the TTL '2147483648' is above 2147483647 and taken as 0 (RFC 2181 section "
     "8)\n"},
    {"a TTL of 2^32", "a 4294967296 A 192.0.2.1\n", 0, "",
     "1:3: error: '4294967296' is no TTL: write seconds up to 2147483647, or numbers with w, d, h, "
     "m, s\n"},
    {"a unit without a number", "a 1hm A 192.0.2.1\n", 0, "",
     "1:3: error: '1hm' is no TTL: write seconds up to 2147483647, or numbers with w, d, h, m, "
     "s\n"},
    {"$ORIGIN, absolute and relative",
     "$ORIGIN b.x.\na 5 CNAME c\n$ORIGIN d\na CNAME c\n$ORIGIN x.\n@ CNAME .\n", 0,
     "a.b.x. 5 IN CNAME c.b.x.\na.d.b.x. 5 IN CNAME c.d.b.x.\nx. 5 IN CNAME .\n", ""},
    {"an origin outside the zone, names inside", "$ORIGIN .\na.x 5 A 192.0.2.1\n", 0,
     "a.x. 5 IN A 192.0.2.1\n", ""},
    {"$GENERATE", "$GENERATE 1-3/2 a$ 5 A 192.0.2.${10}\n", 0,
     "a1.x. 5 IN A 192.0.2.11\na3.x. 5 IN A 192.0.2.13\n", ""},
    {"$GENERATE with quoted data", "$GENERATE 1-1 a$ IN 5 TXT \"b \\\"c $\\\"\"\n", 0,
     "a1.x. 5 IN TXT \"b\" \"c 1\"\n", ""},
    {"$GENERATE with several words", "$GENERATE 7-7 a$ 5 MX $ \\$$ ; c\n", 0,
     "a7.x. 5 IN MX 7 \\$7.x.\n", ""},
    {"$GENERATE with several strings", "$GENERATE 7-7 a 5 TXT \"b $\" c\n", 0,
     "a.x. 5 IN TXT \"b 7\" \"c\"\n", ""},
    {"the last owner after $GENERATE", "$GENERATE 7-8 a$ 5 A 192.0.2.1\n TXT b\n", 0,
     "a7.x. 5 IN A 192.0.2.1\na8.x. 5 IN A 192.0.2.1\na8.x. 5 IN TXT \"b\"\n", ""},

    {"no owner to repeat", " 5 A 192.0.2.1\n", 0, "",
     "1:1: error: the first record must name its owner\n"},
    {"two dots", "a..b 5 A 192.0.2.1\n TXT c\nd 5 A 192.0.2.1\n", 0, "d.x. 5 IN A 192.0.2.1\n",
     "1:1: error: 'a..b' is no name: a label is empty or longer than 63 octets, or an escape is "
     "neither \\X nor \\DDD up to 255\n"},
    {"an escape above 255", "a\\256 5 A 192.0.2.1\n", 0, "",
     "1:1: error: 'a\\256' is no name: a label is empty or longer than 63 octets, or an escape is "
     "neither \\X nor \\DDD up to 255\n"},
    {"an owner outside the zone", "a.y. 5 A 192.0.2.1\n TXT b\n", 0, "",
     "1:1: error: 'a.y.' is outside the zone x.\n"},
    {"another class", "a 5 CH A 192.0.2.1\n", 0, "",
     "1:5: error: the zone is of class IN; all its records are\n"},
    {"another class by number", "a 5 CLASS32 A 192.0.2.1\n", 0, "",
     "1:5: error: the zone is of class IN; all its records are\n"},
    {"two classes", "a IN IN A 192.0.2.1\n", 0, "", "1:6: error: the class is given twice\n"},
    {"two TTLs", "a 5 6 A 192.0.2.1\n", 0, "",
     "1:5: error: '6' is neither a record type nor a class (unknown types are written TYPE and "
     "their number)\n"},
    {"no type", "a 5 IN\n", 0, "",
     "1:7: error: the line ends here, but the record's type is "
     "missing\n"},
    {"only an owner", "a\n", 0, "",
     "1:2: error: the line ends here, but the record's type is missing\n"},
    {"a type that nobody knows", "a 5 BLA 1\n", 0, "",
     "1:5: error: 'BLA' is neither a record type nor a class (unknown types are written TYPE and "
     "their number)\n"},
    {"a type of queries", "a 5 AXFR\n", 0, "",
     "1:5: error: 'AXFR' is for queries and messages; a zone cannot hold it\n"},
    {"the type OPT by number", "a 5 TYPE41 \\# 0\n", 0, "",
     "1:5: error: 'TYPE41' is for queries and messages; a zone cannot hold it\n"},
    {"quotes that stay open", "a 5 TXT \"b\nc 5 A 192.0.2.1\n", 0, "c.x. 5 IN A 192.0.2.1\n",
     "1:9: error: the quotes are not closed on the same line\n"},
    {"quotes that stay open at the end of the file", "a 5 TXT \"b", 0, "",
     "1:9: error: the quotes are not closed on the same line\n"},
    {"a backslash at the end of a line", "a 5 TXT b\\\nc 5 A 192.0.2.1\n", 0,
     "c.x. 5 IN A 192.0.2.1\n",
     "1:10: error: a backslash needs a character behind it on the same line\n"},
    {"a backslash at the end of the file", "a 5 TXT b\\", 0, "",
     "1:10: error: a backslash needs a character behind it on the same line\n"},
    {"a parenthesis too many", "a 5 A 192.0.2.1 )\nb 5 A 192.0.2.1\n", 0, "b.x. 5 IN A 192.0.2.1\n",
     "1:17: error: this parenthesis was never opened\n"},
    {"a parenthesis that stays open", "a 5 TXT ( b\nc\n", 0, "",
     "1:9: error: this parenthesis is never closed\n"},
    {"an error inside parentheses", "a 5 MX ( b\n c ; )\n d )\ne 5 A 192.0.2.1\n", 0,
     "e.x. 5 IN A 192.0.2.1\n", "1:10: error: MX: a number from 0 to 65535 is wanted\n"},
    {"a NUL octet in a word", "a\0b 5 A 192.0.2.1\nc 5 A 192.0.2.1\n", 34,
     "c.x. 5 IN A 192.0.2.1\n",
     "1:2: error: a NUL octet cannot stand in a zone file; write \\000\n"},
    {"a NUL octet in quotes", "a 5 TXT \"b\0\"\nc 5 A 192.0.2.1\n", 29, "c.x. 5 IN A 192.0.2.1\n",
     "1:9: error: a NUL octet cannot stand in a zone file; write \\000\n"},
    {"a NUL octet in a comment", "; \0\nc 5 A 192.0.2.1\n", 20, "c.x. 5 IN A 192.0.2.1\n", ""},
    {"too much data", "a 5 A 192.0.2.1 2\n", 0, "",
     "1:17: error: A: there is more in the record than its type takes\n"},
    {"too little data", "a 5 MX 10\n", 0, "", "1:10: error: MX: the record ends too early\n"},
    {"a generic form of the wrong length", "a 5 A \\# 3 c00002\n", 0, "",
     "1:18: error: A: these octets are not well-formed for the type of the record\n"},
    {"a directive that nobody knows", "$BLA\n", 0, "",
     "1:1: error: '$BLA' is no directive: there are $ORIGIN, $TTL, $INCLUDE and $GENERATE (a name "
     "that begins with a dollar sign is written \\$)\n"},
    {"$TTL of nothing", "$TTL\n", 0, "",
     "1:5: error: the line ends here, but the TTL is missing\n"},
    {"$TTL of too much", "$TTL 1 2\n", 0, "", "1:8: error: '2' is one field too many\n"},
    {"$ORIGIN that is no name", "$ORIGIN a..\na 5 A 192.0.2.1\n", 0, "a.x. 5 IN A 192.0.2.1\n",
     "1:9: error: 'a..' is no name: a label is empty or longer than 63 octets, or an escape is "
     "neither \\X nor \\DDD up to 255\n"},
    {"$INCLUDE in memory", "$INCLUDE a\n", 0, "",
     "1:10: error: a zone that is not read from a file cannot include one\n"},
    {"$GENERATE backwards", "$GENERATE 2-1 a 5 A 192.0.2.1\n", 0, "",
     "1:11: error: '2-1' is no range: write START-STOP or START-STOP/STEP\n"},
    {"$GENERATE fails at its first value only", "$GENERATE 254-300 a$ 5 A 192.0.2.$\n", 0,
     "a254.x. 5 IN A 192.0.2.254\na255.x. 5 IN A 192.0.2.255\n",
     "1:1: error: at the value 256: A: an IPv4 address is wanted, such as 192.0.2.1\n"},
    {"$GENERATE of too much", "$GENERATE 0-1048576 a 5 A 192.0.2.1\n", 0, "",
     "1:11: error: this makes more than the 1048576 records that $GENERATE may make\n"},
    {"$GENERATE without data", "$GENERATE 1-1 a 5 A\n", 0, "",
     "1:20: error: the line ends here, but the record's data is missing\n"},
    {"every error is told", "a 5 A b\nc 5 MX d\n e\nf 5 A 192.0.2.1\n", 0,
     "f.x. 5 IN A 192.0.2.1\n",
     "1:7: error: A: an IPv4 address is wanted, such as 192.0.2.1\n"
     "2:8: error: MX: a number from 0 to 65535 is wanted\n"
     "3:2: error: 'e' is neither a record type nor a class nor a TTL (unknown types are written "
     "TYPE and their number)\n"},
};

START_TEST(reads_a_zone)
{
    struct reading reading;
    struct name zone = reading_name("x.");
    size_t length = rows[_i].length ? rows[_i].length : strlen(rows[_i].text);
    uint8_t *octets = exact_copy(rows[_i].text, length);

    reading_run(&reading,
                (struct zonefile_options){.octets = octets, .length = length, .zone = &zone});

    ck_assert_msg(strcmp(reading_lines(&reading), rows[_i].lines) == 0, "%s: got\n%s",
                  rows[_i].what, reading_lines(&reading));
    ck_assert_msg(strcmp(reading_complaints(&reading), rows[_i].complaints) == 0, "%s: said\n%s",
                  rows[_i].what, reading_complaints(&reading));
    ck_assert_msg((reading.result == RESULT_OK) == (strstr(rows[_i].complaints, "error:") == NULL),
                  "%s: result", rows[_i].what);
    ck_assert_uint_eq(reading.totals.octets, length);
    reading_free(&reading);
    free(octets);
}
END_TEST

/* Each word of a record falls on the border of the window once, whatever the window's size. */
START_TEST(reads_across_the_border_of_the_window)
{
    static const char wanted[] = "label.x. 5 IN MX 10 mail\\.er.x.\ntext.x. 6 IN TXT \"a \\\"b\"\n";
    struct name zone = reading_name("x.");
    struct buffer text = {.octets = NULL};
    struct reading reading;
    size_t records = 0;

    /* 3 MiB, and records of an odd length drift over any border that is a power of two. */
    while (text.length < 3u << 20) {
        buffer_text(&text, "label 5 IN MX ( 10 ; comment\n mail\\.er ) ; end\ntext 6 TXT \"a "
                           "\\\"b\"\n");
        records += 2;
    }
    reading_run(&reading, (struct zonefile_options){
                              .octets = text.octets, .length = text.length, .zone = &zone});
    ck_assert_int_eq(reading.result, RESULT_OK);
    ck_assert_uint_eq(reading.totals.records, records);
    for (const char *at = reading_lines(&reading); *at; at += sizeof wanted - 1)
        ck_assert_int_eq(strncmp(at, wanted, sizeof wanted - 1), 0);
    reading_free(&reading);
    buffer_free(&text);
}
END_TEST

/* What may be long: comments, blanks, lines in parentheses, one word. What is too long is told. */
static const struct {
    const char *what;
    const char *before;
    const char *unit;
    size_t count;
    const char *after;
    const char *lines; /* NULL: too long to write down, but there is one record */
    const char *complaints;
} long_rows[] = {
    {"a comment", "a 5 A 192.0.2.1 ;", "(\"", 1u << 21, "\n", "a.x. 5 IN A 192.0.2.1\n", ""},
    {"blanks", "a 5 ", " \t", 1u << 21, "A 192.0.2.1\n", "a.x. 5 IN A 192.0.2.1\n", ""},
    {"empty lines", "a 5 A 192.0.2.1\n", " \n", 1u << 20, " TXT b\n",
     "a.x. 5 IN A 192.0.2.1\na.x. 5 IN TXT \"b\"\n", ""},
    {"comments in parentheses", "a 5 MX ( 10", "; c\n", 1u << 20, "b )\n", "a.x. 5 IN MX 10 b.x.\n",
     ""},
    {"the longest RDATA in one word", "a 5 TYPE65280 \\# 65535 ", "ab", 65535, "\n", NULL, ""},
    {"the longest RDATA in many words", "a 5 TYPE65280 \\# 65535 (", " ab\n", 65535, ")\n", NULL,
     ""},
    {"RDATA one octet too long", "a 5 TYPE65280 \\# 65535 ", "ab", 65536, "\nb 5 A 192.0.2.1\n",
     "b.x. 5 IN A 192.0.2.1\n", "1:1: error: TYPE65280: the record is longer than 65535 octets\n"},
    {"strings beyond 65535 octets", "a 5 TXT", " b", 32768, "\nb 5 A 192.0.2.1\n",
     "b.x. 5 IN A 192.0.2.1\n", NULL},
    {"a word that no field can be", "a 5 TXT ", "bb", 1u << 20, "\nb 5 A 192.0.2.1\n",
     "b.x. 5 IN A 192.0.2.1\n", NULL},
    {"quotes that no field can be", "a 5 TXT \"", "b ", 1u << 20, "\"\nb 5 A 192.0.2.1\n",
     "b.x. 5 IN A 192.0.2.1\n", NULL},
};

START_TEST(reads_long_texts)
{
    struct name zone = reading_name("x.");
    struct buffer text = {.octets = NULL};
    struct reading reading;

    buffer_text(&text, long_rows[_i].before);
    for (size_t i = 0; i < long_rows[_i].count; i++)
        buffer_text(&text, long_rows[_i].unit);
    buffer_text(&text, long_rows[_i].after);
    reading_run(&reading, (struct zonefile_options){
                              .octets = text.octets, .length = text.length, .zone = &zone});
    if (long_rows[_i].lines)
        ck_assert_str_eq(reading_lines(&reading), long_rows[_i].lines);
    ck_assert_msg(reading.totals.records > 0, "%s: no record", long_rows[_i].what);
    if (long_rows[_i].complaints)
        ck_assert_str_eq(reading_complaints(&reading), long_rows[_i].complaints);
    else
        ck_assert_msg(strncmp(reading_complaints(&reading), "1:", 2) == 0 &&
                          reading.sink.errors == 1,
                      "%s: said %s", long_rows[_i].what, reading_complaints(&reading));
    reading_free(&reading);
    buffer_free(&text);
}
END_TEST

/* ---- the callback -------------------------------------------------------------------------- */

struct stopping {
    unsigned seen;
    bool same[4];
};

static enum result stop_at_third(void *context, const struct zonefile_record *record)
{
    struct stopping *stopping = context;

    stopping->same[stopping->seen++] = record->same_owner;
    if (stopping->seen == 2)
        zonefile_complain(record, COMPLAINT_ERROR, "number %u is bad", stopping->seen);
    return stopping->seen == 3 ? RESULT_FULL : RESULT_OK;
}

START_TEST(the_callback_stops_and_complains)
{
    static const char text[] = "a 5 A 192.0.2.1\n  A 192.0.2.2\nb A 192.0.2.3\nc A 192.0.2.4\n";
    struct name zone = reading_name("x.");
    struct stopping stopping = {.seen = 0};
    struct reading reading;

    reading_run(&reading, (struct zonefile_options){.octets = text,
                                                    .length = sizeof text - 1,
                                                    .zone = &zone,
                                                    .record = stop_at_third,
                                                    .context = &stopping});
    ck_assert_int_eq(reading.result, RESULT_FULL);
    ck_assert_uint_eq(stopping.seen, 3);
    ck_assert(!stopping.same[0] && stopping.same[1] && !stopping.same[2]);
    ck_assert_str_eq(reading_complaints(&reading), "2:1: error: number 2 is bad\n");
    reading_free(&reading);
}
END_TEST

START_TEST(gives_up_after_the_limit_of_errors)
{
    struct name zone = reading_name("x.");
    struct buffer text = {.octets = NULL};
    struct reading reading;

    for (unsigned i = 0; i < 1000; i++)
        buffer_text(&text, "a 5 A b\n");
    reading_run(&reading, (struct zonefile_options){
                              .octets = text.octets, .length = text.length, .zone = &zone});
    ck_assert_int_eq(reading.result, RESULT_FORMAT);
    ck_assert_uint_eq(reading.sink.errors, 100);
    reading_free(&reading);
    buffer_free(&text);
}
END_TEST

START_TEST(warnings_come_to_an_end)
{
    struct name zone = reading_name("x.");
    struct buffer text = {.octets = NULL};
    struct reading reading;

    for (unsigned i = 0; i < 1000; i++)
        buffer_text(&text, "a 3000000000 A 192.0.2.1\n");
    reading_run(&reading, (struct zonefile_options){
                              .octets = text.octets, .length = text.length, .zone = &zone});
    ck_assert_int_eq(reading.result, RESULT_OK);
    ck_assert_uint_eq(reading.sink.warnings, 100);
    ck_assert_uint_eq(reading.totals.records, 1000);
    reading_free(&reading);
    buffer_free(&text);
}
END_TEST

START_TEST(reads_without_knowing_the_zone)
{
    static const char text[] = "a 5 A 192.0.2.1\n$ORIGIN y.\n@ 5 SOA a b 1 2 3 4 5\n";
    struct name apex = reading_name("y.");
    struct reading reading;

    reading_run(&reading, (struct zonefile_options){.octets = text, .length = sizeof text - 1});
    ck_assert_str_eq(reading_lines(&reading), "y. 5 IN SOA a.y. b.y. 1 2 3 4 5\n");
    ck_assert_str_eq(reading_complaints(&reading),
                     "1:1: error: 'a' is no name: it is relative, but no $ORIGIN was given\n");
    ck_assert(name_equal(&reading.totals.apex, &apex));
    reading_free(&reading);
}
END_TEST

/* A complaint shows the line, with a caret under the place. */
static void keep_text(void *context, const struct complaint *complaint)
{
    complaint_text(complaint, context, 300);
}

static enum result ignore(void *context, const struct zonefile_record *record)
{
    (void)context, (void)record;
    return RESULT_OK;
}

START_TEST(shows_the_line)
{
    static const char text[] = "\na\t5 A 192.0.2\x1b ; c\r\n";
    struct name zone = reading_name("x.");
    char said[300] = "";
    struct complaints sink = {.take = keep_text, .context = said};
    struct zonefile_options options = {.octets = text,
                                       .length = sizeof text - 1,
                                       .zone = &zone,
                                       .complaints = &sink,
                                       .record = ignore};

    ck_assert_int_eq(zonefile_parse(&options, NULL), RESULT_FORMAT);
    ck_assert_str_eq(said, "-:2:7: error: A: an IPv4 address is wanted, such as 192.0.2.1\n"
                           "    2 | a\t5 A 192.0.2? ; c\n"
                           "      |  \t    ^~~~~~~~");
}
END_TEST

static const struct {
    const char *text;
    enum result result;
    uint32_t ttl;
} ttls[] = {
    {"0", RESULT_OK, 0},
    {"0s", RESULT_OK, 0},
    {"1w", RESULT_OK, 604800},
    {"1W1D1H1M1S", RESULT_OK, 694861},
    {"90s1", RESULT_OK, 91},
    {"4294967295", RESULT_OK, 4294967295},
    {"4294967294s1s", RESULT_OK, 4294967295},
    {"4294967296", RESULT_FULL, 0},
    {"7102w", RESULT_FULL, 0},
    {"99999999999999999999999999", RESULT_FULL, 0},
    {"4294967295s1", RESULT_FULL, 0},
    {"", RESULT_FORMAT, 0},
    {"s", RESULT_FORMAT, 0},
    {"1y", RESULT_FORMAT, 0},
    {"1ss", RESULT_FORMAT, 0},
    {"-1", RESULT_FORMAT, 0},
    {"1 ", RESULT_FORMAT, 0},
};

START_TEST(reads_a_ttl)
{
    uint32_t ttl = 0;
    size_t length = strlen(ttls[_i].text);
    char *text = (char *)exact_copy(ttls[_i].text, length);

    ck_assert_msg(ttl_from_text(text, length, &ttl) == ttls[_i].result, "%s", ttls[_i].text);
    if (ttls[_i].result == RESULT_OK)
        ck_assert_uint_eq(ttl, ttls[_i].ttl);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zonefile/parser");
    TCase *reading = tcase_create("reading");

    tcase_set_timeout(reading, 60);
    tcase_add_loop_test(reading, reads_a_zone, 0, COUNT(rows));
    tcase_add_test(reading, reads_across_the_border_of_the_window);
    tcase_add_loop_test(reading, reads_long_texts, 0, COUNT(long_rows));
    tcase_add_test(reading, the_callback_stops_and_complains);
    tcase_add_test(reading, gives_up_after_the_limit_of_errors);
    tcase_add_test(reading, warnings_come_to_an_end);
    tcase_add_test(reading, reads_without_knowing_the_zone);
    tcase_add_test(reading, shows_the_line);
    tcase_add_loop_test(reading, reads_a_ttl, 0, COUNT(ttls));
    suite_add_tcase(suite, reading);
    return run_suite(suite);
}
