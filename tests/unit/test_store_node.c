/* test_store_node.c - nodes written and read: every shape, every size at which the shape changes.
 */
#include "store_support.h"

#include "avow/store/key.h"

static struct test_store test;

static void set_up(void)
{
    test_store_open(&test);
}

static void tear_down(void)
{
    test_store_close(&test);
}

static struct node_view get(const struct name *name)
{
    struct node_view node;

    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(lookup_node(&test.snapshot, 1, name, &node), RECORD_THERE);
    return node;
}

static void check_rrset(const struct node_view *node, const struct node_rrset *expected)
{
    struct rrset_view rrset;

    ck_assert_int_eq(node_find(node, expected->type, &rrset), RECORD_THERE);
    ck_assert_uint_eq(rrset.ttl, expected->ttl);
    ck_assert(same_run(&rrset.rdata, &expected->rdata));
    ck_assert(same_run(&rrset.signatures, &expected->signatures));
    ck_assert_uint_ge(rrset.signature_room, expected->signature_room);
    ck_assert_uint_ge(rrset.signature_room, rrset.signatures.length);
}

/* RDATA length, records, signature room, signature records of one RRset beside a small one. */
static const struct {
    const char *what;
    uint16_t length, count;
    uint32_t room;
    uint16_t signatures;
    bool apart;
} sizes[] = {
    {"empty RDATA", 0, 1, 0, 0, false},
    {"one octet", 1, 1, 0, 0, false},
    {"room for a signature", 4, 1, 110, 0, false},
    {"a signature in its room", 4, 1, 110, 1, false},
    {"a signature without room", 4, 1, 0, 1, false},
    {"just inside a node", 1800, 1, 0, 0, false},
    {"just too large for a node", 1900, 1, 0, 0, true},
    {"large room", 4, 1, 1900, 0, true},
    {"255 signatures", 4, 1, 0, 255, true},
    {"256 signatures", 4, 1, 0, 256, true},
    {"all of 65535 octets", 65535, 1, 0, 1, true},
    {"more than 65535 octets", 1000, 100, 200, 1, true},
    {"many records", 4, 60000, 200, 1, true},
};

START_TEST(keeps_what_was_put)
{
    struct buffer octets = {.length = 0}, signatures = {.length = 0}, small = {.length = 0};
    struct name name = name_of("www.example.");
    struct node_rrset rrsets[2] = {
        {.type = TYPE_A, .ttl = 60, .rdata = make_run(&small, 1, 4, 9)},
        {.type = TYPE_TXT,
         .ttl = 3600,
         .rdata = make_run(&octets, sizes[_i].count, sizes[_i].length, 7),
         .signatures = make_run(&signatures, sizes[_i].signatures, 100, 3),
         .signature_room = sizes[_i].room},
    };
    struct node_parts parts = {.rrsets = rrsets,
                               .count = 2,
                               .flags = NODE_HAS_HASH | NODE_HAS_CHILDREN | NODE_HAS_WILDCARD_HASH,
                               .hash = {1, 2, 3},
                               .wildcard_hash = {4, 5, 6}};
    struct change change;

    begin(&change, &test.store);
    change_put_node(&change, 1, &name, &parts);
    commit(&change);
    struct node_view node = get(&name);
    ck_assert_uint_eq(node.flags, parts.flags);
    ck_assert_mem_eq(node.hash, parts.hash, NODE_HASH_OCTETS);
    ck_assert_mem_eq(node.wildcard_hash, parts.wildcard_hash, NODE_HASH_OCTETS);
    check_rrset(&node, &rrsets[0]);
    check_rrset(&node, &rrsets[1]);

    struct rrset_view rrset;
    unsigned apart = 0;
    for (struct reader rows = node.rows; node_next(&rows, &rrset);)
        apart += rrset.apart;
    ck_assert_msg((apart > 0) == sizes[_i].apart, "%s: apart?", sizes[_i].what);
    ck_assert_int_eq(node_find(&node, TYPE_AAAA, &rrset), RECORD_ABSENT);
    uint16_t types[4];
    ck_assert_uint_eq(node_types(&node, types, 4), 2);
    ck_assert_uint_eq(types[0], TYPE_A);
    ck_assert_uint_eq(types[1], TYPE_TXT);

    /* Gone means gone, also what was kept apart. */
    struct store_check check;
    begin(&change, &test.store);
    change_delete_node(&change, 1, &name);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(lookup_node(&test.snapshot, 1, &name, &node), RECORD_ABSENT);
    ck_assert_int_eq(store_check(&test.snapshot, &check, NULL, NULL), RESULT_OK);
    ck_assert_uint_eq(check.records[TABLE_RRSETS], 0);
    buffer_free(&octets);
    buffer_free(&signatures);
    buffer_free(&small);
}
END_TEST

/* A node with many RRsets stays small, whatever their sizes; a sum of small ones divides too. */
START_TEST(divides_what_is_large)
{
    struct buffer octets[40] = {{.length = 0}};
    struct node_rrset rrsets[40];
    struct node_parts parts = {.rrsets = rrsets, .count = 40};
    struct name name = name_of("many.example.");
    struct change change;

    for (unsigned i = 0; i < 40; i++)
        rrsets[i] = (struct node_rrset){.type = (uint16_t)(1000 + i),
                                        .ttl = i,
                                        .rdata = make_run(&octets[i], 1, (uint16_t)(i * 11), 1),
                                        .signature_room = 110};
    begin(&change, &test.store);
    change_put_node(&change, 1, &name, &parts);
    commit(&change);
    struct node_view node = get(&name);
    for (unsigned i = 0; i < 40; i++)
        check_rrset(&node, &rrsets[i]);
    struct store_key key;
    store_key_node(&key, 1, &name);
    struct store_record record = store_key_record(&key);
    struct reader payload;
    ck_assert_int_eq(snapshot_get(&test.snapshot, TABLE_NODES, &record, &payload), RECORD_THERE);
    ck_assert_uint_le(record.value_length, NODE_MAX_OCTETS);
    for (unsigned i = 0; i < 40; i++)
        buffer_free(&octets[i]);
}
END_TEST

static size_t value_length(const struct name *name)
{
    struct store_key key;
    struct reader payload;

    store_key_node(&key, 1, name);
    struct store_record record = store_key_record(&key);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(snapshot_get(&test.snapshot, TABLE_NODES, &record, &payload), RECORD_THERE);
    return record.value_length;
}

START_TEST(a_signature_fills_its_room)
{
    struct buffer octets = {.length = 0}, signature = {.length = 0};
    struct name name = name_of("www.example.");
    struct node_rrset rrset = {
        .type = TYPE_A, .ttl = 1, .rdata = make_run(&octets, 2, 4, 5), .signature_room = 110};
    struct node_parts parts = {.rrsets = &rrset, .count = 1};
    struct change change;

    begin(&change, &test.store);
    change_put_node(&change, 1, &name, &parts);
    commit(&change);
    size_t before = value_length(&name);

    for (unsigned length = 20; length <= 130; length += 22) {
        rrset.signatures = make_run(&signature, 1, (uint16_t)length, (uint8_t)length);
        begin(&change, &test.store);
        ck_assert_int_eq(change_put_signatures(&change, 1, &name, TYPE_A, &rrset.signatures),
                         RECORD_THERE);
        ck_assert_int_eq(change_put_signatures(&change, 1, &name, TYPE_MX, &rrset.signatures),
                         RECORD_ABSENT);
        commit(&change);
        struct node_view node = get(&name);
        check_rrset(&node, &rrset);
        if (length + 2 <= 110)
            ck_assert_uint_eq(value_length(&name), before);
        else
            ck_assert_uint_gt(value_length(&name), before);
    }
    buffer_free(&octets);
    buffer_free(&signature);
}
END_TEST

/* One RRset at a time, small and large, put over each other, as updates do. */
START_TEST(edits_one_rrset)
{
    static const uint16_t lengths[] = {4, 3000, 10, 2500, 2500, 0, 60000, 4};
    struct buffer octets = {.length = 0}, other = {.length = 0}, signature = {.length = 0};
    struct name name = name_of("x.example.");
    struct node_rrset fixed = {
        .type = TYPE_MX, .ttl = 2, .rdata = make_run(&other, 3, 500, 2), .signature_room = 90};
    struct node_parts parts = {.rrsets = &fixed, .count = 1, .flags = NODE_HAS_CHILDREN};
    struct change change;

    begin(&change, &test.store);
    change_put_node(&change, 1, &name, &parts);
    for (unsigned i = 0; i < COUNT(lengths); i++) {
        struct node_rrset rrset = {.type = (i & 1) ? TYPE_A : TYPE_TXT,
                                   .ttl = i,
                                   .rdata = make_run(&octets, 1, lengths[i], (uint8_t)i)};
        ck_assert_int_eq(change_put_rrset(&change, 1, &name, &rrset), RECORD_THERE);
        rrset.signatures = make_run(&signature, 2, 100, (uint8_t)i);
        ck_assert_int_eq(change_put_signatures(&change, 1, &name, rrset.type, &rrset.signatures),
                         RECORD_THERE);
        commit(&change);
        struct node_view node = get(&name);
        check_rrset(&node, &rrset);
        check_rrset(&node, &fixed);
        begin(&change, &test.store);
    }
    ck_assert_int_eq(change_delete_rrset(&change, 1, &name, TYPE_TXT), RECORD_THERE);
    ck_assert_int_eq(change_delete_rrset(&change, 1, &name, TYPE_TXT), RECORD_ABSENT);
    ck_assert_int_eq(change_delete_rrset(&change, 1, &name, TYPE_A), RECORD_THERE);
    ck_assert_int_eq(change_put_rrset(&change, 1, &(struct name){1, 0, {0}}, &fixed),
                     RECORD_ABSENT);
    commit(&change);
    struct node_view node = get(&name);
    check_rrset(&node, &fixed);
    ck_assert_uint_eq(node.count, 1);
    ck_assert_uint_eq(node.flags, NODE_HAS_CHILDREN);
    struct store_check check;
    ck_assert_int_eq(store_check(&test.snapshot, &check, NULL, NULL), RESULT_OK);
    buffer_free(&octets);
    buffer_free(&other);
    buffer_free(&signature);
}
END_TEST

/* A view of a change may be put back into the change. */
START_TEST(puts_back_what_it_read)
{
    struct buffer octets = {.length = 0}, large = {.length = 0};
    struct name name = name_of("y.example.");
    struct node_rrset rrsets[2] = {
        {.type = TYPE_A, .ttl = 1, .rdata = make_run(&octets, 1, 4, 1), .signature_room = 50},
        {.type = TYPE_TXT, .ttl = 1, .rdata = make_run(&large, 1, 5000, 2)}};
    struct node_parts parts = {.rrsets = rrsets, .count = 2};
    struct change change;

    begin(&change, &test.store);
    change_put_node(&change, 1, &name, &parts);
    for (unsigned fetch = 0; fetch < 2; fetch++) {
        struct node_view node;
        struct rrset_view rrset;
        struct node_rrset again[2];
        struct node_parts copy = {.rrsets = again};
        ck_assert_int_eq(lookup_node(change_view(&change), 1, &name, &node), RECORD_THERE);
        for (struct reader rows = node.rows; node_next(&rows, &rrset);) {
            if (fetch)
                ck_assert_int_eq(node_fetch(&node, &rrset), RESULT_OK);
            again[copy.count++] = node_rrset_of(&rrset);
        }
        change_put_node(&change, 1, &name, &copy);
    }
    commit(&change);
    struct node_view node = get(&name);
    check_rrset(&node, &rrsets[0]);
    check_rrset(&node, &rrsets[1]);
    buffer_free(&octets);
    buffer_free(&large);
}
END_TEST

START_TEST(refuses_nonsense)
{
    struct node_rrset wrong[2] = {{.type = TYPE_MX}, {.type = TYPE_A}};
    struct node_parts parts = {.rrsets = wrong, .count = 2};
    struct name name = name_of("z.example.");
    struct change change;

    begin(&change, &test.store);
    change_put_node(&change, 1, &name, &parts);
    ck_assert_int_eq(change_commit(&change, NULL), RESULT_FORMAT);
    /* Below something, but not below how much. */
    parts = (struct node_parts){.flags = NODE_BELOW_CUT};
    begin(&change, &test.store);
    change_put_node(&change, 1, &name, &parts);
    ck_assert_int_eq(change_commit(&change, NULL), RESULT_FORMAT);
    struct node_view node;
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(lookup_node(&test.snapshot, 1, &name, &node), RECORD_ABSENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/node");
    TCase *nodes = tcase_create("nodes");

    tcase_add_checked_fixture(nodes, set_up, tear_down);
    tcase_set_timeout(nodes, 60);
    tcase_add_loop_test(nodes, keeps_what_was_put, 0, COUNT(sizes));
    tcase_add_test(nodes, divides_what_is_large);
    tcase_add_test(nodes, a_signature_fills_its_room);
    tcase_add_test(nodes, edits_one_rrset);
    tcase_add_test(nodes, puts_back_what_it_read);
    tcase_add_test(nodes, refuses_nonsense);
    suite_add_tcase(suite, nodes);
    return run_suite(suite);
}
