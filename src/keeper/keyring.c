/* keyring.c - a zone's keys: read from the store, made or found in the token, asked who signs. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

#include "avow/base/random.h"
#include "avow/dnssec/algorithm.h"
#include "avow/dnssec/dnskey.h"
#include "avow/dnssec/rrsig.h"
#include "avow/wire/type.h"

enum { ID_OCTETS = 20 };

/* ---- who signs --------------------------------------------------------------------------------
 */

/* Whether it is for this key to sign the type (RFC 7344 section 4.1 for CDS and CDNSKEY). */
static bool is_signer(const struct zone_key *key, uint16_t type)
{
    bool of_keys = type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY;

    return key->stored && key->row.state == KEY_ACTIVE &&
           key->row.role & (of_keys ? KEY_KSK : KEY_ZSK);
}

unsigned keyring_signers(const struct keeper_zone *zone, uint16_t type, uint32_t *handles)
{
    unsigned count = 0;

    for (unsigned i = 0; i < zone->key_count && count < SIGN_JOB_KEYS; i++) {
        if (zone->keys[i].ready && is_signer(&zone->keys[i], type))
            handles[count++] = zone->keys[i].handle;
    }
    return count;
}

bool keyring_has_signer(const struct keeper_zone *zone, uint16_t type, uint16_t tag,
                        uint8_t algorithm)
{
    for (unsigned i = 0; i < zone->key_count; i++) {
        const struct zone_key *key = &zone->keys[i];
        if (key->row.tag == tag && key->row.algorithm == algorithm && is_signer(key, type))
            return true;
    }
    return false;
}

static bool token_is_away(const struct keeper *keeper, const char *keystore)
{
    for (unsigned i = 0; i < keeper->token_count; i++) {
        if (strcmp(keeper->tokens[i].keystore, keystore) == 0)
            return !keeper->tokens[i].up;
    }
    return false;
}

bool keyring_at_hand(const struct keeper_zone *zone)
{
    uint32_t handles[SIGN_JOB_KEYS];

    for (unsigned i = 0; i < zone->key_count; i++) {
        if (zone->keys[i].ready && token_is_away(zone->keeper, zone->keys[i].row.keystore))
            return false;
    }
    return keyring_signers(zone, TYPE_SOA, handles) && keyring_signers(zone, TYPE_DNSKEY, handles);
}

void keyring_doubt(struct keeper_zone *zone, uint16_t type)
{
    for (unsigned i = 0; i < zone->key_count; i++) {
        if (is_signer(&zone->keys[i], type))
            zone->keys[i].ready = zone->keys[i].asked = false;
    }
}

uint32_t keyring_room(const struct keeper_zone *zone, uint16_t type)
{
    uint32_t octets = 0;

    for (unsigned i = 0; i < zone->key_count; i++) {
        if (is_signer(&zone->keys[i], type))
            octets += zone->keys[i].signature;
    }
    return octets;
}

bool keyring_known(const struct keeper_zone *zone)
{
    for (unsigned i = 0; i < zone->key_count; i++) {
        if (!zone->keys[i].stored)
            return false;
    }
    return zone->keys_read && keyring_room(zone, TYPE_SOA) && keyring_room(zone, TYPE_DNSKEY);
}

enum result keyring_publish(const struct keeper_zone *zone, struct buffer *run, uint16_t *count)
{
    *count = 0;
    for (unsigned i = 0; i < zone->key_count; i++) {
        const struct key_row *row = &zone->keys[i].row;
        bool added;
        if (!zone->keys[i].stored || row->state < KEY_PUBLISHED || row->state > KEY_RETIRED)
            continue;
        enum result result =
            rdata_run_insert(run, count, TYPE_DNSKEY, row->dnskey, row->dnskey_length, &added);
        if (result)
            return result;
    }
    return RESULT_OK;
}

/* ---- the rows ---------------------------------------------------------------------------------
 */

/* Octets of an RRSIG made by the key, with its length field. */
static uint32_t signature_octets(const struct keeper_zone *zone, const struct key_row *row)
{
    struct reader rdata = reader_over(row->dnskey, row->dnskey_length);
    struct dnskey dnskey;

    if (dnskey_read(&rdata, &dnskey))
        return 0;
    return (uint32_t)(2 + RRSIG_FIXED_OCTETS + zone->name.length +
                      dnskey_signature_octets(&dnskey));
}

enum result keyring_read(struct keeper_zone *zone)
{
    struct keeper *keeper = zone->keeper;
    uint32_t after = 0;

    zone->key_count = 0;
    zone->keys_read = false;
    if (snapshot_renew(&keeper->view) != RENEWAL_READY)
        return RESULT_SYSTEM;
    enum found_record found;
    struct key_row row;
    while ((found = key_walk(&keeper->view, &zone->name, after, &row)) == RECORD_THERE) {
        after = row.number;
        if (row.state == KEY_REMOVED || zone->key_count == ZONE_MAX_KEYS)
            continue;
        zone->keys[zone->key_count++] =
            (struct zone_key){.row = row,
                              .handle = ++keeper->next_handle,
                              .stored = true,
                              .signature = signature_octets(zone, &row)};
    }
    snapshot_rest(&keeper->view);
    zone->keys_read = found == RECORD_ABSENT;
    return found == RECORD_CORRUPT ? RESULT_CORRUPT : RESULT_OK;
}

static uint32_t next_number(const struct keeper_zone *zone)
{
    uint32_t number = 0;

    for (unsigned i = 0; i < zone->key_count; i++) {
        if (zone->keys[i].row.number > number)
            number = zone->keys[i].row.number;
    }
    return number + 1;
}

/* Whether a key that was not found is not there: one whose row is hidden by damage is not to be
 * replaced, for the chain of trust from the parent leads to it. */
static enum result check_table(struct keeper *keeper)
{
    if (snapshot_renew(&keeper->view) != RENEWAL_READY)
        return RESULT_SYSTEM;
    enum found_record found = key_check(&keeper->view);
    snapshot_rest(&keeper->view);
    return found == RECORD_CORRUPT ? RESULT_CORRUPT : RESULT_OK;
}

/* A key that the policy wants and the zone lacks. */
static enum result add_key(struct keeper_zone *zone, enum key_role role)
{
    struct keeper *keeper = zone->keeper;
    const struct config_policy *policy = zone->config->policy;

    if (zone->key_count == ZONE_MAX_KEYS)
        return RESULT_FULL;
    enum result result = check_table(keeper);
    if (result)
        return result;
    struct zone_key *key = &zone->keys[zone->key_count];
    *key = (struct zone_key){.handle = ++keeper->next_handle,
                             .row = {.number = next_number(zone),
                                     .role = role,
                                     .state = KEY_GENERATED,
                                     .goal = KEY_TO_OMNIPRESENT,
                                     .algorithm = policy->algorithm,
                                     .flags = role == KEY_ZSK ? DNSKEY_FLAGS_ZSK : DNSKEY_FLAGS_KSK,
                                     .bits = policy->rsa_size,
                                     .id_length = ID_OCTETS}};
    name_copy(&key->row.zone, &zone->name);
    (void)snprintf(key->row.keystore, sizeof key->row.keystore, "%s",
                   policy->keystore ? policy->keystore->name : "");
    result = random_fill(key->row.id, ID_OCTETS);
    if (!result)
        zone->key_count++;
    return result;
}

static bool has_role(const struct keeper_zone *zone, enum key_role role)
{
    unsigned roles = 0;

    for (unsigned i = 0; i < zone->key_count; i++) {
        const struct key_row *row = &zone->keys[i].row;
        if (row->state <= KEY_ACTIVE)
            roles |= row->role;
    }
    return (roles & (unsigned)role) == (unsigned)role;
}

static enum result add_missing(struct keeper_zone *zone)
{
    if (zone->config->policy->keys == CONFIG_KEYS_CSK && zone->key_count == 0)
        return add_key(zone, KEY_CSK);
    enum result result = RESULT_OK;
    if (!has_role(zone, KEY_KSK))
        result = add_key(zone, KEY_KSK);
    if (!result && !has_role(zone, KEY_ZSK))
        result = add_key(zone, KEY_ZSK);
    return result;
}

/* ---- asking the signer ------------------------------------------------------------------------
 */

static enum result ask(struct keeper_zone *zone, struct zone_key *key)
{
    struct keeper *keeper = zone->keeper;
    const struct config_policy *policy = zone->config->policy;
    enum signing_role role = key->row.role == KEY_CSK   ? SIGNING_CSK
                             : key->row.role == KEY_KSK ? SIGNING_KSK
                                                        : SIGNING_ZSK;
    struct message letter = {
        .kind = MESSAGE_KEY_ENSURE,
        .key_ensure = {.request = ++keeper->next_request,
                       .number = key->handle,
                       .keystore = key->row.keystore,
                       .algorithm = key->row.algorithm,
                       .flags = key->row.flags,
                       .role = (uint8_t)role,
                       .bits = key->row.bits,
                       .id = span_of(key->row.id, key->row.id_length),
                       .may_generate = !key->stored,
                       /* What is signed now ends within the validity; some slack for clocks. */
                       .validity = policy->signature_validity + 60}};

    name_copy(&letter.key_ensure.zone, &zone->name);
    if (!keeper->orders)
        return RESULT_TOKEN;
    enum result result = channel_send(keeper->orders, &letter);
    key->asked = !result;
    key->asked_ms = keeper->now_ms;
    return result;
}

static void forget_handle(struct keeper *keeper, uint32_t handle)
{
    struct message letter = {.kind = MESSAGE_KEY_FORGET, .key_forget = {.number = handle}};

    if (keeper->orders && channel_send(keeper->orders, &letter) != RESULT_OK)
        log_debug("the signer could not be told to forget a key");
}

void keyring_release(struct keeper_zone *zone)
{
    for (unsigned i = 0; i < zone->key_count; i++) {
        if (zone->keys[i].ready || zone->keys[i].asked)
            forget_handle(zone->keeper, zone->keys[i].handle);
    }
}

bool keyring_ensure(struct keeper_zone *zone)
{
    bool ready = true;

    /* Another key in the place of one that cannot be read would break the chain of trust. */
    if (!zone->keys_read && keyring_read(zone)) {
        keeper_zone_problem(zone, "the row of one of its keys is damaged: nothing is signed");
        return false;
    }
    enum result result = add_missing(zone);
    if (result) {
        keeper_zone_problem(zone, "its keys could not be prepared%s",
                            result == RESULT_CORRUPT
                                ? ": a row of the table of keys is damaged, so none is made"
                                : "");
        return false;
    }
    for (unsigned i = 0; i < zone->key_count; i++) {
        struct zone_key *key = &zone->keys[i];
        if (key->ready)
            continue;
        ready = false;
        if (!key->asked && ask(zone, key))
            keeper_zone_problem(zone, "the signer is away; it is being started");
    }
    return ready;
}

void keyring_forget(struct keeper *keeper)
{
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next) {
        for (unsigned i = 0; i < zone->key_count; i++)
            zone->keys[i].ready = zone->keys[i].asked = false;
    }
}

/* ---- the signer's answer ----------------------------------------------------------------------
 */

static struct zone_key *find_handle(struct keeper *keeper, uint32_t handle,
                                    struct keeper_zone **owner)
{
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next) {
        for (unsigned i = 0; i < zone->key_count; i++) {
            if (zone->keys[i].handle == handle) {
                *owner = zone;
                return &zone->keys[i];
            }
        }
    }
    return NULL;
}

static bool has_tag(const struct keeper_zone *zone, const struct zone_key *but, uint16_t tag)
{
    for (unsigned i = 0; i < zone->key_count; i++) {
        const struct zone_key *key = &zone->keys[i];
        if (key != but && key->row.dnskey_length && key->row.tag == tag &&
            key->row.algorithm == but->row.algorithm)
            return true;
    }
    return false;
}

/* Whether the signer made what it was asked for. */
static bool is_as_wanted(const struct key_row *row, const struct message_key *letter)
{
    struct reader rdata = span_reader(letter->dnskey);
    struct dnskey dnskey;

    return letter->dnskey.length <= sizeof row->dnskey && letter->id.length <= sizeof row->id &&
           dnskey_read(&rdata, &dnskey) == RESULT_OK && dnskey.algorithm == row->algorithm &&
           dnskey.flags == row->flags;
}

/* Take over what the signer says of a new key, and store its row: only then does it count. */
static enum result store_key(struct keeper_zone *zone, struct zone_key *key,
                             const struct message_key *letter)
{
    struct keeper *keeper = zone->keeper;
    struct key_row *row = &key->row;
    struct change change;

    if (!is_as_wanted(row, letter))
        return RESULT_FORMAT;
    memcpy(row->dnskey, letter->dnskey.octets, letter->dnskey.length);
    row->dnskey_length = (uint16_t)letter->dnskey.length;
    memcpy(row->id, letter->id.octets, letter->id.length);
    row->id_length = (uint8_t)letter->id.length;
    row->tag = dnskey_tag_of_rdata(row->dnskey, row->dnskey_length);
    row->state = KEY_ACTIVE;
    row->created = row->published = row->active = keeper->now;
    for (unsigned i = 0; i < KEY_RECORDS; i++)
        row->records[i].since = keeper->now;
    row->records[KEY_DNSKEY].stage = KEY_RUMOURED;
    row->records[KEY_DNSKEY].ttl = zone->config->policy->dnskey_ttl;
    key->signature = signature_octets(zone, row);
    enum result result = commit_begin(keeper, &change);
    if (result)
        return result;
    change_put_key(&change, row);
    return commit_end(keeper, &change, false, NULL, 0);
}

/* Two keys with one tag make every validator try both (RFC 4034 appendix B): have another made. */
static void make_another(struct keeper_zone *zone, struct zone_key *key)
{
    forget_handle(zone->keeper, key->handle);
    key->handle = ++zone->keeper->next_handle;
    if (random_fill(key->row.id, ID_OCTETS) || ask(zone, key))
        keeper_zone_problem(zone, "its keys could not be prepared");
}

static bool is_same_key(const struct zone_key *key, const struct message_key *letter)
{
    return key->row.dnskey_length == letter->dnskey.length &&
           memcmp(key->row.dnskey, letter->dnskey.octets, letter->dnskey.length) == 0;
}

/* The key is there. Is it the one that is published? */
static void accept_key(struct keeper_zone *zone, struct zone_key *key,
                       const struct message_key *letter)
{
    if (key->stored && !is_same_key(key, letter)) {
        keeper_zone_problem(zone, "the token's key %u is not the one that is published",
                            key->row.tag);
        return;
    }
    if (!key->stored) {
        uint16_t tag = dnskey_tag_of_rdata(letter->dnskey.octets, letter->dnskey.length);
        if (has_tag(zone, key, tag)) {
            make_another(zone, key);
            return;
        }
        enum result result = store_key(zone, key, letter);
        if (result) {
            keeper_zone_problem(zone, "its new key could not be stored: %s",
                                result_sentence(result));
            return;
        }
        key->stored = true;
        char name[NAME_MAX_TEXT];
        log_info("%s: %s key %u %s", name_to_text(&zone->name, name),
                 key->row.role == KEY_ZSK ? "zone signing" : "key signing", key->row.tag,
                 letter->generated ? "made in the token" : "found in the token");
    }
    key->ready = true;
    keeper_zone_advance(zone);
}

void keyring_take(struct keeper *keeper, const struct message_key *letter)
{
    struct keeper_zone *zone;
    struct zone_key *key = find_handle(keeper, letter->number, &zone);

    if (!key)
        return; /* of a zone that is gone */
    key->asked = false;
    if (!keeper_zone_signs(zone))
        return; /* not signed any more */
    if (letter->ok)
        accept_key(zone, key, letter);
    else
        keeper_zone_problem(zone, "%s", letter->text);
}
