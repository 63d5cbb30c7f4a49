/*
 * spoil.c - damage to a store that no seal tells, for tests; the daemon is stopped.
 *
 *   spoil FOLDER signature ZONE NAME TYPE   an octet of its first signature changes, seal and
 * digest are right again spoil FOLDER vanish ZONE NAME           the name's record is gone, as with
 * a page that was lost spoil FOLDER record ZONE NAME           an octet of the name's record
 * changes
 */
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/change/change.h"
#include "avow/store/key.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"

struct spoil {
    struct change change;
    struct zone zone;
    struct name name;
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "spoil: %s\n", what);
    exit(1);
}

/* As a disk would: nothing but the octets changes. */
static void put_raw(struct spoil *spoil, const struct store_key *key, MDB_val *value)
{
    struct snapshot *view = change_view(&spoil->change);
    MDB_val name = {.mv_size = key->length, .mv_data = (void *)(uintptr_t)key->octets};
    unsigned dbi = view->store->tables[TABLE_NODES];

    must((value ? mdb_put(view->transaction, dbi, &name, value, 0)
                : mdb_del(view->transaction, dbi, &name, NULL)) == 0,
         "LMDB refuses");
    spoil->change.touched = true; /* the commit has its number: this is not about that */
}

static void spoil_octet(struct spoil *spoil, const struct store_key *key)
{
    struct store_record record = store_key_record(key);
    struct reader payload;
    uint8_t copy[4096];

    must(snapshot_get(change_view(&spoil->change), TABLE_NODES, &record, &payload) ==
                 RECORD_THERE &&
             record.value_length <= sizeof copy,
         "no such record");
    memcpy(copy, record.value, record.value_length);
    copy[record.value_length / 2] ^= 1;
    put_raw(spoil, key, &(MDB_val){.mv_size = record.value_length, .mv_data = copy});
}

static void spoil_signature(struct spoil *spoil, const char *type_text)
{
    struct snapshot *view = change_view(&spoil->change);
    struct node_view node;
    struct rrset_view rrset;
    uint16_t type;
    uint8_t copy[4096];

    must(type_from_text(type_text, strlen(type_text), &type) == RESULT_OK, "no such type");
    must(lookup_node(view, spoil->zone.version, &spoil->name, &node) == RECORD_THERE &&
             node_find(&node, type, &rrset) == RECORD_THERE && rrset.signatures.count &&
             rrset.signatures.length <= sizeof copy,
         "no such signature");
    memcpy(copy, rrset.signatures.octets, rrset.signatures.length);
    copy[rrset.signatures.length - 1] ^= 1;
    struct rdata_run run = rrset.signatures;
    run.octets = copy;
    must(change_put_signatures(&spoil->change, spoil->zone.version, &spoil->name, type, &run) ==
             RECORD_THERE,
         "it cannot be put");
    change_put_zone(&spoil->change, &spoil->zone);
}

int main(int count, char **words)
{
    struct spoil spoil = {.zone = {.version = 0}};
    struct store store;
    struct store_key key;
    struct name apex;

    must(count >= 5, "usage: spoil FOLDER signature|vanish|record ZONE NAME [TYPE]");
    struct store_options options = {.folder = words[1],
                                    .access = STORE_WRITER,
                                    .make = change_make_store,
                                    .map_octets = (uint64_t)4 << 30};
    must(store_open(&store, &options) == RESULT_OK, store.problem);
    must(name_from_string(words[3], &apex) == RESULT_OK &&
             name_from_string(words[4], &spoil.name) == RESULT_OK,
         "no name");
    must(change_begin(&spoil.change, &store) == RESULT_OK, "the store cannot be written");
    must(zone_get(change_view(&spoil.change), &apex, &spoil.zone) == RECORD_THERE, "no such zone");
    store_key_node(&key, spoil.zone.version, &spoil.name);
    if (strcmp(words[2], "signature") == 0 && count > 5)
        spoil_signature(&spoil, words[5]);
    else if (strcmp(words[2], "vanish") == 0)
        put_raw(&spoil, &key, NULL);
    else if (strcmp(words[2], "record") == 0)
        spoil_octet(&spoil, &key);
    else
        must(false, "an unknown kind of damage");
    must(change_commit(&spoil.change, NULL) == RESULT_OK, store.problem);
    store_close(&store);
    return 0;
}
