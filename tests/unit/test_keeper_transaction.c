/* test_keeper_transaction.c - changes that people collect, and what is told of a zone. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../src/keeper/secondaries.h"
#include "keeper_rig.h"
#include "support.h"

#define SIGNED(more)                                                                               \
    "policies:\n  - {name: p, keystore: a}\n"                                                      \
    "zones:\n  - {name: example., file: example.zone, policy: p" more "}\n"

static const char first_file[] = "$ORIGIN example.\n$TTL 300\n@ SOA ns h 1 1 2 3 60\n@ NS ns\n"
                                 "ns A 192.0.2.1\nwww 60 A 192.0.2.2\nold TXT gone\n"
                                 "alias CNAME www\n";

static struct rig rig;
static struct buffer text;

static void open_rig(void)
{
    rig_open(&rig);
    rig_write(&rig, "example.zone", first_file);
}

static void close_rig(void)
{
    rig_close(&rig);
    buffer_free(&text);
}

static struct keeper_zone *zone(void)
{
    return rig_zone(&rig, "example.");
}

static void expect(const char *words, int code)
{
    int got = rig_ask(&rig, &text, words);
    ck_assert_msg(got == code, "%s: %d, not %d: %s", words, got, code, (char *)text.octets);
}

static bool says(const char *piece)
{
    return strstr((const char *)text.octets, piece) != NULL;
}

#define expect_text(words, code, piece)                                                            \
    do {                                                                                           \
        expect(words, code);                                                                       \
        ck_assert_msg(says(piece), "%s: %s is not in: %s", words, piece, (char *)text.octets);     \
    } while (0)

/* ---- transactions -----------------------------------------------------------------------------
 */

START_TEST(changes_are_made_at_one_blow)
{
    rig_start_signed(&rig, SIGNED(""));
    uint32_t serial = zone()->row.serial;
    expect_text("zone set example. www A 192.0.2.3", 1, "zone begin");
    expect("zone begin example.", 0);
    expect_text("zone begin example.", 1, "open already");
    expect("zone set example. www A 192.0.2.3", 0);
    expect("zone set example. b.c.fresh TXT one", 0);
    expect("zone unset example. old", 0);
    expect("zone unset example. alias.example. CNAME www", 0);
    expect_text("zone status example.", 0, "\"changes\":4");
    expect_text("zone diff example.", 6, "+www.example. 60 IN A 192.0.2.3\n");
    ck_assert(says("-old.example. 300 IN TXT \"gone\"\n"));
    ck_assert(says("+b.c.fresh.example. 300 IN TXT \"one\"\n"));
    ck_assert(says("\"removed\":2,\"added\":2"));
    expect_text("zone commit example. --dry-run", 6, "-alias.example. 300 IN CNAME www.example.\n");
    ck_assert_uint_eq(zone()->row.serial, serial);
    expect_text("zone commit example.", 0, "stored and signed");
    ck_assert_uint_eq(zone()->row.serial, serial + 1);
    ck_assert_uint_ne(zone()->row.flags & ZONE_EDITED, 0);
    ck_assert_ptr_null(zone()->transaction);
    expect_text("zone export example.", 0, "www.example. 60 IN A 192.0.2.3\n");
    ck_assert(!says("old.example."));
    rig_run_until(&rig, rig_all_signed, "fully signed");
    ck_assert_uint_gt(rig_check_signatures(&rig, "example.", NULL), 0);
    expect_text("zone status example.", 0, "\"changes_not_in_file\":true");
    ck_assert(says("\"transaction\":null") && says("\"entries\":1"));
}
END_TEST

START_TEST(nothing_to_change)
{
    rig_start_signed(&rig, SIGNED(""));
    expect("zone begin example.", 0);
    expect("zone set example. www A 192.0.2.2", 0);
    expect("zone unset example. nowhere A", 0);
    expect("zone diff example.", 0);
    expect("zone commit example. --dry-run", 0);
    expect_text("zone commit example.", 0, "nothing to change");
    ck_assert_uint_eq(zone()->row.serial, 1);
    expect("zone begin example.", 0);
    expect("zone set example. www A 192.0.2.9", 0);
    expect("zone abort example.", 0);
    expect_text("zone commit example.", 1, "no transaction");
    expect("zone diff example.", 0); /* with its file */
}
END_TEST

/* A word of the command line is one field, unless it has quotes. */
START_TEST(words_are_fields)
{
    static const char *const calls[][9] = {
        {"zone", "set", "example.", "t1", "TXT", "v=DKIM1; k=rsa", "two words", NULL},
        {"zone", "set", "example.", "t2", "TXT", "\"a b\" \"c\"", NULL},
        {"zone", "set", "example.", "@", "1h", "TYPE65280", "\\#", "1", NULL},
        {"zone", "set", "example.", "s", "HTTPS", "1", ".", "alpn=\"h2,h3\"", NULL},
        {"zone", "set", "example.", "t3", "TXT", "", NULL},
    };
    static const int codes[] = {0, 0, 2, 0, 0};

    rig_start_signed(&rig, SIGNED(""));
    expect("zone begin example.", 0);
    for (size_t i = 0; i < COUNT(calls); i++)
        ck_assert_int_eq(rig_answer(&rig, rig_call(&rig, calls[i]), &text), codes[i]);
    expect("zone diff example.", 6);
    ck_assert(says("+t1.example. 300 IN TXT \"v=DKIM1; k=rsa\" \"two words\"\n"));
    ck_assert(says("+t2.example. 300 IN TXT \"a b\" \"c\"\n"));
    ck_assert(says("+s.example. 300 IN HTTPS 1 . alpn=\"h2,h3\"\n") ||
              says("+s.example. 300 IN HTTPS 1 . alpn=h2,h3\n"));
    ck_assert(says("+t3.example. 300 IN TXT \"\"\n"));
}
END_TEST

static const struct {
    const char *name, *words, *piece;
    int code;
} refused[] = {
    {"outside", "zone set example. www.other. A 192.0.2.1", "not in the zone", 2},
    {"bad owner", "zone set example. a..b A 192.0.2.1", "not a domain name", 2},
    {"bad type", "zone set example. a WHAT 1", "not a type", 2},
    {"meta", "zone set example. a ANY 1", "no zone holds", 2},
    {"signer's", "zone set example. a RRSIG 1", "signer alone", 2},
    {"signer's, unset", "zone unset example. a NSEC", "signer alone", 2},
    {"bad RDATA", "zone set example. a A 1.2.3", "", 2},
    {"too much RDATA", "zone set example. a A 192.0.2.1 192.0.2.2", "", 2},
    {"no RDATA", "zone set example. a 60 A", "usage", 2},
    {"bad TTL", "zone set example. a 6x A 192.0.2.1", "not a TTL", 2},
    {"large TTL", "zone set example. a 4294967295 A 192.0.2.1", "not a TTL", 2},
    {"unset with TTL", "zone unset example. a 60 A", "usage", 2},
    {"directive", "zone set example. $GENERATE A 192.0.2.1", "", 0},
    {"no zone", "zone begin other.", "no zone", 4},
    {"words", "zone commit example. now", "usage", 2},
};

START_TEST(what_makes_no_sense_is_refused)
{
    rig_start_signed(&rig, SIGNED(""));
    expect("zone begin example.", 0);
    expect_text(refused[_i].words, refused[_i].code, refused[_i].piece);
    ck_assert_uint_eq(zone()->row.serial, 1);
}
END_TEST

static const struct {
    const char *name, *words, *piece;
} passed_over[] = {
    {"CNAME beside", "zone set example. www CNAME ns", "CNAME"},
    {"beside CNAME", "zone set example. alias A 192.0.2.1", "CNAME"},
    {"apex NS", "zone unset example. @ NS", "stay"},
    {"last NS", "zone unset example. @ NS ns", "stay"},
    {"SOA", "zone unset example. @ SOA", "stay"},
    {"old SOA", "zone set example. @ SOA ns h 1 9 9 9 9", "serial"},
    {"DNSKEY below", "zone set example. www DNSKEY 256 3 13 AAAA", "apex"},
};

/* RFC 2136 passes over it in silence; a transaction says so, and stays open. */
START_TEST(what_the_rules_forbid_is_said)
{
    rig_start_signed(&rig, SIGNED(""));
    expect("zone begin example.", 0);
    expect("zone set example. fine A 192.0.2.1", 0);
    expect(passed_over[_i].words, 0);
    expect_text("zone diff example.", 1, "change 2");
    expect_text("zone commit example. --dry-run", 1, passed_over[_i].piece);
    expect_text("zone commit example.", 1, passed_over[_i].piece);
    ck_assert_uint_eq(zone()->row.serial, 1);
    ck_assert_ptr_nonnull(zone()->transaction);
    expect("zone abort example.", 0);
}
END_TEST

static bool is_under_way(struct rig *context)
{
    return rig_zone(context, "example.")->round != NULL;
}

static bool is_over(struct rig *context)
{
    return rig_zone(context, "example.")->transaction == NULL;
}

/* While it is being committed nothing else is done to it, and whoever asked may go away. */
START_TEST(a_commit_waits_for_the_signer)
{
    static const char *const commit[] = {"zone", "commit", "example.", NULL};

    rig_start_signed(&rig, SIGNED(""));
    rig_kill_signer(&rig);
    expect("zone begin example.", 0);
    expect("zone set example. fresh A 192.0.2.7", 0);
    int call = rig_call(&rig, commit);
    rig_run_until(&rig, is_under_way, "the round");
    expect_text("zone set example. more A 192.0.2.7", 1, "being committed");
    expect_text("zone abort example.", 1, "being committed");
    expect_text("zone status example.", 0, "\"updates_waiting\":1");
    ck_assert_int_eq(close(call), 0);
    rig_start_signer(&rig);
    rig_run_until(&rig, is_over, "the commit");
    ck_assert_uint_eq(zone()->row.serial, 2);
    expect_text("zone export example.", 0, "fresh.example. 300 IN A 192.0.2.7\n");
}
END_TEST

/* A zone that goes takes its transaction along, also one under way. */
START_TEST(a_zone_goes_with_its_transaction)
{
    static const char *const commit[] = {"zone", "commit", "example.", NULL};

    rig_start_signed(&rig, SIGNED(""));
    rig_kill_signer(&rig);
    expect("zone begin example.", 0);
    expect("zone set example. fresh A 192.0.2.7", 0);
    int call = rig_call(&rig, commit);
    rig_run_until(&rig, is_under_way, "the round");
    rig_configure(&rig, "zones: []\npolicies:\n  - {name: p, keystore: a}\n");
    ck_assert_int_ne(rig_answer(&rig, call, &text), 0);
}
END_TEST

/* ---- secondaries ------------------------------------------------------------------------------
 */

static void note(const char *address, enum secondary_event event, uint32_t serial, const char *why)
{
    struct message_secondary fact = {.address = address,
                                     .event = (uint8_t)event,
                                     .serial = serial,
                                     .time = 1700000000U + serial,
                                     .text = why};
    name_copy(&fact.zone, &zone()->name);
    secondaries_note(zone(), &fact);
}

START_TEST(secondaries_are_remembered)
{
    char address[32];

    rig_start_signed(&rig, SIGNED(""));
    expect_text("zone status example.", 0, "\"secondaries\":[]");
    note("192.0.2.9", SECONDARY_NOTIFIED, 1, "");
    note("192.0.2.9", SECONDARY_FOLLOWED, 2, "");
    note("192.0.2.9", SECONDARY_SILENT, 3, "no answer");
    expect_text("zone status example.", 0, "\"notified_serial\":1");
    ck_assert(says("\"followed_serial\":2") && says("\"problem\":\"no answer\""));
    ck_assert(says("\"transferred_serial\":null"));
    note("192.0.2.9", SECONDARY_ASKED, 3, "");
    expect("zone status example.", 0);
    ck_assert(!says("no answer"));
    for (unsigned i = 0; i < 40; i++) {
        (void)snprintf(address, sizeof address, "2001:db8::%u", i);
        note(address, SECONDARY_TRANSFERRED, i, "");
    }
    note("2001:db8::39", SECONDARY_EVENTS, 1, ""); /* no such event */
    expect_text("zone status example.", 0, "2001:db8::39");
    ck_assert(says("\"2001:db8::24\"") && !says("\"2001:db8::23\"") && !says("192.0.2.9"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper transaction");
    TCase *tests = tcase_create("keeper transaction");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_rig, close_rig);
    tcase_add_test(tests, changes_are_made_at_one_blow);
    tcase_add_test(tests, nothing_to_change);
    tcase_add_test(tests, words_are_fields);
    tcase_add_loop_test(tests, what_makes_no_sense_is_refused, 0, (int)COUNT(refused));
    tcase_add_loop_test(tests, what_the_rules_forbid_is_said, 0, (int)COUNT(passed_over));
    tcase_add_test(tests, a_commit_waits_for_the_signer);
    tcase_add_test(tests, a_zone_goes_with_its_transaction);
    tcase_add_test(tests, secondaries_are_remembered);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
