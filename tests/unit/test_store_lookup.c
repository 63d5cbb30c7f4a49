/*
 * test_store_lookup.c - places and chains against a naive model, over random small zones with
 * wildcards, empty non-terminals, cuts, DNAMEs and names below them.
 */
#include "store_support.h"

#include "avow/store/chain.h"
#include "avow/store/key.h"

enum { MOST_NAMES = 48, ZONES = 150, QUESTIONS = 250 };

/* A name of the zone as its file has it, and the empty non-terminals that follow from those. */
struct owner {
    struct name name;
    bool cut, dname, data;
};

struct model {
    struct name apex;
    struct owner owners[MOST_NAMES * 5];
    unsigned count;
};

static struct test_store test;
static struct model model;
static uint64_t random_state;

static unsigned pick(unsigned limit)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(random_state >> 33) % limit;
}

/* ---- the model: slow and plain --------------------------------------------------------------- */

static struct owner *find_owner(const struct name *name)
{
    for (unsigned i = 0; i < model.count; i++)
        if (name_equal(&model.owners[i].name, name))
            return &model.owners[i];
    return NULL;
}

static bool is_apex(const struct name *name)
{
    return name_equal(name, &model.apex);
}

/* The topmost cut or DNAME owner strictly above the name. */
static struct owner *boundary_above(const struct name *name)
{
    for (unsigned labels = model.apex.labels; labels < name->labels; labels++) {
        struct name above;
        name_suffix(name, labels, &above);
        struct owner *owner = find_owner(&above);
        if (owner && ((owner->cut && !is_apex(&above)) || owner->dname))
            return owner;
    }
    return NULL;
}

/* A name exists when it owns something or something is below it (RFC 4592 section 2.2.2); what is
 * occluded does not count. */
static bool exists(const struct name *name)
{
    for (unsigned i = 0; i < model.count; i++)
        if (name_is_within(&model.owners[i].name, name) && !boundary_above(&model.owners[i].name))
            return true;
    return false;
}

static unsigned closest_encloser(const struct name *name)
{
    for (unsigned labels = name->labels;; labels--) {
        struct name above;
        name_suffix(name, labels, &above);
        if (exists(&above))
            return labels;
    }
}

static enum place place_of(const struct name *name, unsigned *labels, struct name *node)
{
    struct owner *boundary = boundary_above(name);

    if (boundary) {
        *labels = boundary->name.labels;
        *node = boundary->name;
        return boundary->cut && !is_apex(&boundary->name) ? PLACE_CUT_ABOVE : PLACE_DNAME_ABOVE;
    }
    struct owner *owner = find_owner(name);
    *labels = closest_encloser(name);
    *node = *name;
    if (owner)
        return PLACE_EXACT;
    if (*labels == name->labels)
        return PLACE_EMPTY;
    struct name encloser;
    name_suffix(name, *labels, &encloser);
    return name_wildcard_of(&encloser, node) == RESULT_OK && exists(node) ? PLACE_WILDCARD
                                                                          : PLACE_ABSENT;
}

/* Names that have an NSEC: those that own something and are not occluded. */
static bool has_nsec(const struct owner *owner)
{
    return !boundary_above(&owner->name);
}

static const struct owner *next_nsec(const struct name *after)
{
    const struct owner *next = NULL, *first = NULL;

    for (unsigned i = 0; i < model.count; i++) {
        const struct owner *owner = &model.owners[i];
        if (!has_nsec(owner))
            continue;
        if (!first || name_compare(&owner->name, &first->name) < 0)
            first = owner;
        if (name_compare(&owner->name, after) > 0 &&
            (!next || name_compare(&owner->name, &next->name) < 0))
            next = owner;
    }
    return next ? next : first;
}

static const struct owner *last_nsec_until(const struct name *name)
{
    const struct owner *last = NULL;

    for (unsigned i = 0; i < model.count; i++) {
        const struct owner *owner = &model.owners[i];
        if (has_nsec(owner) && name_compare(&owner->name, name) <= 0 &&
            (!last || name_compare(&owner->name, &last->name) > 0))
            last = owner;
    }
    return last;
}

/* ---- making a zone --------------------------------------------------------------------------- */

static void random_name(struct name *name)
{
    static const char *const labels[] = {"a",     "b",      "*",     "B", "\\000",
                                         "\\001", "a\\000", "\\200", "!"};
    char text[128] = "";

    for (unsigned depth = pick(5); depth > 0; depth--) {
        strcat(text, labels[pick(COUNT(labels))]);
        strcat(text, ".");
    }
    strcat(text, "example.");
    ck_assert_int_eq(name_from_string(text, name), RESULT_OK);
}

static void make_model(void)
{
    unsigned cuts = pick(30), dnames = pick(15);

    model = (struct model){.apex = name_of("example."), .count = 1};
    model.owners[0] = (struct owner){.name = model.apex, .data = true, .cut = true};
    for (unsigned i = pick(MOST_NAMES); i > 0; i--) {
        struct name name;
        random_name(&name);
        if (find_owner(&name))
            continue;
        model.owners[model.count++] = (struct owner){
            .name = name, .data = true, .cut = pick(100) < cuts, .dname = pick(100) < dnames};
    }
}

static uint16_t flags_of(const struct name *name)
{
    struct owner *owner = find_owner(name), *boundary = boundary_above(name);
    struct name wildcard;
    uint16_t flags = 0;

    if (boundary)
        return boundary->cut && !is_apex(&boundary->name) ? NODE_BELOW_CUT : NODE_BELOW_DNAME;
    if (is_apex(name))
        flags |= NODE_APEX;
    if (!owner)
        flags |= NODE_EMPTY;
    if (owner && owner->cut && !is_apex(name))
        flags |= NODE_CUT;
    if (owner && owner->dname)
        flags |= NODE_DNAME;
    if (name_wildcard_of(name, &wildcard) == RESULT_OK && exists(&wildcard))
        flags |= NODE_HAS_WILDCARD_CHILD;
    return flags;
}

static void put_model_node(struct change *change, uint32_t version, const struct name *name)
{
    static const uint8_t address[] = {0, 4, 192, 0, 2, 1};
    struct owner *owner = find_owner(name), *boundary = boundary_above(name);
    uint8_t nsec[2 + NAME_MAX_OCTETS];
    struct node_rrset rrsets[2] = {{.type = TYPE_A, .rdata = {address, sizeof address, 1}}};
    struct node_parts parts = {.rrsets = rrsets, .count = 1, .flags = flags_of(name)};

    if (!owner)
        parts.count = 0;
    if (boundary)
        parts.above = boundary->name.labels;
    if (owner && has_nsec(owner)) {
        struct writer writer = writer_over(nsec, sizeof nsec);
        size_t mark = writer_open_length(&writer);
        name_write(&writer, &next_nsec(name)->name);
        writer_close_length(&writer, mark);
        rrsets[1] =
            (struct node_rrset){.type = TYPE_NSEC, .rdata = {nsec, (uint32_t)writer.length, 1}};
        parts.count = 2;
    }
    version_append_node(change, version, name, &parts);
}

static int by_name(const void *a, const void *b)
{
    return name_compare(a, b);
}

/* The model as a version of the store, as a loader writes it: owners, and every ancestor of those
 * that are not occluded. */
static void store_model(uint32_t version)
{
    static struct name names[MOST_NAMES * 8];
    unsigned count = 0;
    struct change change;

    for (unsigned i = 0; i < model.count; i++) {
        const struct name *name = &model.owners[i].name;
        names[count++] = *name;
        for (unsigned labels = model.apex.labels; labels < name->labels; labels++)
            if (!boundary_above(name))
                name_suffix(name, labels, &names[count++]);
    }
    qsort(names, count, sizeof *names, by_name);
    begin(&change, &test.store);
    for (unsigned i = 0; i < count; i++)
        if (i == 0 || !name_equal(&names[i], &names[i - 1]))
            put_model_node(&change, version, &names[i]);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
}

/* ---- asking both ----------------------------------------------------------------------------- */

static void ask_lookup(uint32_t version, const struct name *name)
{
    struct lookup lookup;
    struct name expected, got;
    unsigned labels;
    char text[NAME_MAX_TEXT];
    enum place place = place_of(name, &labels, &expected);

    lookup_name(&test.snapshot, version, name, &lookup);
    ck_assert_msg(lookup.place == place, "%s: place %d, expected %d", name_to_text(name, text),
                  lookup.place, place);
    ck_assert_msg(lookup.encloser_labels == labels, "%s: %u labels, expected %u",
                  name_to_text(name, text), lookup.encloser_labels, labels);
    if (place != PLACE_ABSENT) {
        ck_assert_int_eq(node_name(&lookup.node, &got), RESULT_OK);
        ck_assert_msg(name_equal(&got, &expected), "%s: another node", name_to_text(name, text));
    }
    if (place == PLACE_WILDCARD || place == PLACE_ABSENT) {
        ck_assert_int_eq(node_name(&lookup.encloser, &got), RESULT_OK);
        name_suffix(name, labels, &expected);
        ck_assert_msg(name_equal(&got, &expected), "%s: encloser", name_to_text(name, text));
    }
}

static void ask_nsec(uint32_t version, const struct name *name)
{
    struct chain_nsec nsec;
    struct name got;
    char text[NAME_MAX_TEXT];
    const struct owner *owner = last_nsec_until(name);
    enum chain chain = chain_nsec(&test.snapshot, version, &model.apex, name, &nsec);

    ck_assert_msg(chain == (name_equal(&owner->name, name) ? CHAIN_MATCH : CHAIN_COVER),
                  "%s: chain %d", name_to_text(name, text), chain);
    ck_assert_int_eq(node_name(&nsec.owner, &got), RESULT_OK);
    ck_assert_msg(name_equal(&got, &owner->name), "%s: another NSEC", name_to_text(name, text));
    ck_assert_uint_eq(nsec.rrset.type, TYPE_NSEC);
}

START_TEST(agrees_with_the_model)
{
    test_store_open(&test);
    random_state = (uint64_t)_i + 1;
    for (uint32_t version = 1; version <= ZONES; version++) {
        make_model();
        store_model(version);
        for (unsigned i = 0; i < model.count; i++) {
            ask_lookup(version, &model.owners[i].name);
            ask_nsec(version, &model.owners[i].name);
        }
        for (unsigned i = 0; i < QUESTIONS; i++) {
            struct name name;
            random_name(&name);
            ask_lookup(version, &name);
            ask_nsec(version, &name);
        }
    }
    test_store_close(&test);
}
END_TEST

/* ---- walking, NSEC3 -------------------------------------------------------------------------- */

START_TEST(walks_in_order_and_resumes)
{
    struct node_view node;
    struct name name, at;
    unsigned count = 0, resumed = 0;

    test_store_open(&test);
    random_state = 7;
    make_model();
    store_model(5);
    store_model(6);
    enum found_record found = lookup_walk(&test.snapshot, 5, WALK_FROM, &model.apex, &node);
    for (; found == RECORD_THERE; found = lookup_walk(&test.snapshot, 5, WALK_NEXT, NULL, &node)) {
        ck_assert_int_eq(node_name(&node, &name), RESULT_OK);
        ck_assert(count == 0 || name_compare(&at, &name) < 0);
        name_copy(&at, &name);
        count++;
    }
    ck_assert_int_eq(found, RECORD_ABSENT);
    name_copy(&at, &model.apex);
    while (lookup_walk(&test.snapshot, 5, WALK_BEHIND, &at, &node) == RECORD_THERE) {
        ck_assert_int_eq(node_name(&node, &at), RESULT_OK);
        resumed++;
    }
    ck_assert_uint_eq(resumed + 1, count);
    ck_assert_uint_ge(count, model.count);
    test_store_close(&test);
}
END_TEST

enum { HASHES = 300 };

static int by_hash(const void *a, const void *b)
{
    return memcmp(a, b, NODE_HASH_OCTETS);
}

static void put_chain(uint32_t version, uint8_t (*hashes)[NODE_HASH_OCTETS], unsigned count)
{
    struct change change;

    qsort(hashes, count, sizeof *hashes, by_hash);
    begin(&change, &test.store);
    for (unsigned i = 0; i < count; i++) {
        uint8_t rdata[30] = {0, 28, 1, i % 2, 0, 0, 2, 0xab, 0xcd, NODE_HASH_OCTETS};
        memcpy(rdata + 10, hashes[(i + 1) % count], NODE_HASH_OCTETS);
        struct node_rrset rrset = {
            .type = TYPE_NSEC3, .ttl = 9, .rdata = {rdata, 30, 1}, .signature_room = 100};
        version_append_nsec3(&change, version, hashes[i], &rrset);
    }
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
}

/* Nearest owner at or before the hash, round the end. */
static unsigned naive_cover(uint8_t (*hashes)[NODE_HASH_OCTETS], unsigned count,
                            const uint8_t *hash)
{
    unsigned at = count - 1;

    for (unsigned i = 0; i < count; i++)
        if (memcmp(hashes[i], hash, NODE_HASH_OCTETS) <= 0)
            at = i;
    return at;
}

static void ask_chain(uint32_t version, uint8_t (*hashes)[NODE_HASH_OCTETS], unsigned count,
                      const uint8_t *hash)
{
    struct chain_nsec3 nsec3;
    unsigned expected = naive_cover(hashes, count, hash);
    bool match = memcmp(hashes[expected], hash, NODE_HASH_OCTETS) == 0;

    ck_assert_int_eq(chain_nsec3(&test.snapshot, version, hash, &nsec3),
                     match ? CHAIN_MATCH : CHAIN_COVER);
    ck_assert_mem_eq(nsec3.hash, hashes[expected], NODE_HASH_OCTETS);
    ck_assert_mem_eq(nsec3.next, hashes[(expected + 1) % count], NODE_HASH_OCTETS);
    ck_assert(nsec3.opt_out == (expected % 2 == 1));
}

START_TEST(finds_what_covers_a_hash)
{
    static uint8_t hashes[3][HASHES][NODE_HASH_OCTETS];
    static const unsigned counts[3] = {HASHES, 1, 2};
    uint8_t lowest[NODE_HASH_OCTETS] = {0}, highest[NODE_HASH_OCTETS];

    test_store_open(&test);
    memset(highest, 0xff, sizeof highest);
    random_state = 3;
    for (unsigned v = 0; v < 3; v++) {
        for (unsigned i = 0; i < counts[v]; i++)
            for (unsigned j = 0; j < NODE_HASH_OCTETS; j++)
                hashes[v][i][j] = (uint8_t)pick(256);
        put_chain(v + 10, hashes[v], counts[v]);
    }
    for (unsigned v = 0; v < 3; v++) {
        for (unsigned i = 0; i < 2000; i++) {
            uint8_t hash[NODE_HASH_OCTETS];
            memcpy(hash, hashes[v][pick(counts[v])], sizeof hash);
            if (pick(4))
                hash[pick(3) ? 19 : 0] = (uint8_t)pick(256);
            ask_chain(v + 10, hashes[v], counts[v], hash);
        }
        ask_chain(v + 10, hashes[v], counts[v], lowest);
        ask_chain(v + 10, hashes[v], counts[v], highest);
    }
    struct chain_nsec3 nsec3;
    unsigned walked = 0;
    const uint8_t *after = NULL;
    for (; chain_nsec3_walk(&test.snapshot, 10, after, &nsec3) == RECORD_THERE; walked++)
        after = nsec3.hash;
    ck_assert_uint_eq(walked, HASHES);
    /* A version without a chain proves nothing. */
    ck_assert_int_eq(chain_nsec3(&test.snapshot, 9, lowest, &nsec3), CHAIN_CORRUPT);
    ck_assert_int_eq(chain_nsec3(&test.snapshot, 13, lowest, &nsec3), CHAIN_CORRUPT);
    test_store_close(&test);
}
END_TEST

/* A hole in a chain is found, not answered from. */
START_TEST(a_hole_proves_nothing)
{
    static uint8_t hashes[4][NODE_HASH_OCTETS] = {{0x10}, {0x20}, {0x30}, {0x40}};
    const uint8_t inside[NODE_HASH_OCTETS] = {0x25}, before[NODE_HASH_OCTETS] = {0x05};
    struct chain_nsec3 nsec3;
    struct change change;

    test_store_open(&test);
    put_chain(1, hashes, 4);
    begin(&change, &test.store);
    change_delete_nsec3(&change, 1, hashes[1]);
    change_delete_nsec3(&change, 1, hashes[3]);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(chain_nsec3(&test.snapshot, 1, inside, &nsec3), CHAIN_CORRUPT);
    ck_assert_int_eq(chain_nsec3(&test.snapshot, 1, before, &nsec3), CHAIN_CORRUPT);

    random_state = 11;
    do {
        make_model();
        store_model(2);
    } while (model.count < 20);
    const struct owner *gone = next_nsec(&model.apex);
    struct name name;
    ck_assert(!name_equal(&gone->name, &model.apex));
    begin(&change, &test.store);
    ck_assert_int_eq(change_delete_rrset(&change, 2, &gone->name, TYPE_NSEC), RECORD_THERE);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    struct chain_nsec nsec;
    name_copy(&name, &gone->name);
    ck_assert_int_eq(chain_nsec(&test.snapshot, 2, &model.apex, &name, &nsec), CHAIN_CORRUPT);
    test_store_close(&test);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/lookup");
    TCase *places = tcase_create("places and chains");

    tcase_set_timeout(places, 120);
    tcase_add_loop_test(places, agrees_with_the_model, 0, 3);
    tcase_add_test(places, walks_in_order_and_resumes);
    tcase_add_test(places, finds_what_covers_a_hash);
    tcase_add_test(places, a_hole_proves_nothing);
    suite_add_tcase(suite, places);
    return run_suite(suite);
}
