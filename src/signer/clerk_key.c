/* clerk_key.c - keys found or made, proved, entered, and found again when their token was away. */
#include "clerk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/base/clock.h"
#include "avow/base/log.h"
#include "avow/base/random.h"
#include "avow/dnssec/algorithm.h"
#include "proof.h"

enum {
    ID_OCTETS = 20,
    ZONE_PATIENCE_MS = 3000,     /* the keeper may hear of a new zone before we do */
    VALIDITY_SLACK = 3600 + 300, /* inceptions lie an hour back; clocks are read at their times */
    KEY_TEXT_OCTETS = PKCS11_FAILURE_OCTETS
};

static const char *const role_words[] = {
    [SIGNING_KSK] = "KSK", [SIGNING_ZSK] = "ZSK", [SIGNING_CSK] = "CSK"};

/* What became of an order. */
struct outcome {
    struct key *key; /* held; NULL: it failed */
    bool generated;
    char text[KEY_TEXT_OCTETS];
};

/* ---- answering ------------------------------------------------------------------------------ */

static void answer(struct clerk *clerk, const struct clerk_order *order,
                   const struct outcome *outcome)
{
    const struct key *key = outcome->key;
    const struct pkcs11_key_name *name = key ? &key->pair.name : &order->name;
    uint8_t octets[DNSKEY_MAX_OCTETS];
    struct writer dnskey = writer_over(octets, sizeof octets);

    if (key)
        dnskey_write(&dnskey, &key->dnskey);
    struct message letter = {.kind = MESSAGE_KEY,
                             .key = {.request = order->request,
                                     .number = order->number,
                                     .ok = key != NULL,
                                     .generated = outcome->generated,
                                     .id = span_of(name->id, name->id_length),
                                     .dnskey = span_of(octets, dnskey.length),
                                     .text = outcome->text}};
    link_send(order->link, &letter, clerk->frame);
}

/* ---- one key -------------------------------------------------------------------------------- */

/* What no keeper of ours asks for. Static text; NULL: nothing is wrong. */
static const char *objection(const struct clerk_order *order)
{
    if (order->role > SIGNING_CSK)
        return "there is no such role of a key";
    if (order->flags != DNSKEY_FLAGS_ZSK && order->flags != DNSKEY_FLAGS_KSK)
        return "a key's flags are 256 or 257";
    if (!algorithm_find(order->algorithm))
        return "the algorithm is not known";
    return NULL;
}

/* Into the module, for something that should take no longer than this. */
static void go_in(struct clerk *clerk, const char *doing, uint32_t limit_ms)
{
    watch_begin(&clerk->watch, clerk->means.keystore->name, doing, limit_ms);
    watch_in(&clerk->watch, clock_monotonic_ns());
}

static enum result make_key(struct clerk *clerk, const struct pkcs11_scheme *scheme,
                            const struct clerk_order *order, struct pkcs11_key *pair,
                            struct pkcs11_failure *failure)
{
    struct keystore *keystore = clerk->means.keystore;
    struct pkcs11_key_name name = order->name;
    struct pkcs11_session writer;
    char zone[NAME_MAX_TEXT];

    (void)snprintf(name.label, sizeof name.label, "%.200s %s", name_to_text(&order->zone, zone),
                   role_words[order->role]);
    go_in(clerk, "making a key", WATCH_MAKE_MS);
    enum result result = pkcs11_session_open(&writer, &keystore->module->module, &keystore->token,
                                             PKCS11_READ_WRITE);
    if (!result)
        result = pkcs11_key_generate(pair, &writer, scheme, &name, order->bits);
    if (result)
        *failure = writer.failure;
    pkcs11_session_close(&writer);
    watch_out(&clerk->watch);
    return result;
}

/* Put into words what the floor below does not: there is no failure of the token in it. */
static enum result complain_of_key(const struct keystore *keystore, const struct clerk_order *order,
                                   const char *what, struct pkcs11_failure *failure)
{
    char text[256];

    failure->trouble = PKCS11_TROUBLE_SETUP;
    (void)snprintf(failure->text, sizeof failure->text, "token \"%s\" (slot 0x%lx): key %s, %s, %s",
                   keystore->token.label, keystore->token.slot,
                   pkcs11_key_name_text(&order->name, text, sizeof text),
                   pkcs11_algorithm_name(order->algorithm), what);
    return RESULT_TOKEN;
}

static enum result find_or_make(struct clerk *clerk, const struct clerk_order *order,
                                struct pkcs11_key *pair, bool *generated,
                                struct pkcs11_failure *failure)
{
    struct keystore *keystore = clerk->means.keystore;
    const struct pkcs11_scheme *scheme =
        pkcs11_mechanisms_for(&keystore->mechanisms, order->algorithm);
    enum found found;

    *generated = false;
    if (!scheme)
        return complain_of_key(keystore, order, "cannot be used: the token lacks the mechanism",
                               failure);
    go_in(clerk, "finding a key", WATCH_OPEN_MS);
    enum result result = pkcs11_key_find(pair, &keystore->anchor, scheme, &order->name, &found);
    watch_out(&clerk->watch);
    if (result) {
        *failure = keystore->anchor.failure;
        return RESULT_TOKEN;
    }
    if (found == FOUND_YES)
        return RESULT_OK;
    if (!order->may_generate)
        return complain_of_key(keystore, order, "is not there", failure);
    *generated = true;
    return make_key(clerk, scheme, order, pair, failure);
}

/* Twice, since a token that errs once is still the right one. */
static enum result prove(struct clerk *clerk, const struct pkcs11_key *pair,
                         const struct dnskey *dnskey, struct pkcs11_failure *failure)
{
    struct keystore *keystore = clerk->means.keystore;
    enum result result = RESULT_OK;

    go_in(clerk, "proving a key", WATCH_OPEN_MS);
    for (int attempt = 0; attempt < 2; attempt++) {
        result = proof_make(&keystore->anchor, pair, dnskey, &clerk->digests);
        if (result != RESULT_TOKEN || keystore->anchor.failure.trouble == PKCS11_TROUBLE_GONE)
            break;
    }
    watch_out(&clerk->watch);
    if (result == RESULT_TOKEN)
        *failure = keystore->anchor.failure;
    else if (result)
        (void)snprintf(failure->text, sizeof failure->text, "a key could not be proved: %s",
                       result_sentence(result));
    return result;
}

/* The DNSKEY that a key pair stands for. Static text; NULL: it can be published. */
static const char *make_dnskey(const struct pkcs11_key *pair, uint16_t flags, struct dnskey *dnskey)
{
    *dnskey = (struct dnskey){.flags = flags,
                              .protocol = DNSKEY_PROTOCOL,
                              .algorithm = pair->scheme.algorithm,
                              .length = (uint16_t)pair->public_octets};
    memcpy(dnskey->public_key, pair->public_key, pair->public_octets);
    return dnskey_fault(dnskey);
}

/* The order's own bound and the policy's: the smaller one counts. */
static uint32_t bound_validity(const struct clerk_order *order, const struct config_policy *policy)
{
    uint64_t most = (uint64_t)policy->signature_validity + VALIDITY_SLACK;

    if (order->validity < most)
        most = order->validity;
    return most > INT32_MAX ? INT32_MAX : (uint32_t)most;
}

static struct key *fill_key(const struct clerk_order *order, const struct config_policy *policy,
                            struct keystore *keystore)
{
    struct key *key = keys_make();

    if (!key)
        return NULL;
    key->number = order->number;
    name_copy(&key->zone, &order->zone);
    name_lower(&key->zone);
    key->grant = (struct permit_grant){.zone = &key->zone,
                                       .role = (enum signing_role)order->role,
                                       .validity = bound_validity(order, policy)};
    key->verify = policy->verify_signatures;
    key->keystore = keystore;
    key->epoch = keystore->epoch;
    return key;
}

static enum result ensure(struct clerk *clerk, const struct clerk_order *order,
                          const struct config_policy *policy, struct outcome *outcome)
{
    struct keystore *keystore = clerk->means.keystore;
    struct pkcs11_failure failure = {.text = "out of memory"};
    struct key *key = fill_key(order, policy, keystore);

    enum result result =
        key ? find_or_make(clerk, order, &key->pair, &outcome->generated, &failure) : RESULT_SYSTEM;
    const char *fault = result ? NULL : make_dnskey(&key->pair, order->flags, &key->dnskey);
    if (fault)
        result = complain_of_key(keystore, order, fault, &failure);
    if (!result)
        result = prove(clerk, &key->pair, &key->dnskey, &failure);
    if (!result) {
        key->tag = dnskey_tag(&key->dnskey);
        key->usable = true;
        result = keys_put(clerk->means.keys, key, order->era);
        if (result)
            (void)snprintf(failure.text, sizeof failure.text, "%s",
                           result == RESULT_FULL ? "there are too many keys"
                                                 : "the keeper that asked is gone");
    }
    if (!result) {
        outcome->key = key;
        return RESULT_OK;
    }
    key_drop(key);
    (void)snprintf(outcome->text, sizeof outcome->text, "keystore %.128s: %.850s", keystore->name,
                   failure.text);
    if (failure.trouble == PKCS11_TROUBLE_GONE && keystore_lost(keystore, &failure))
        clerk_wake(clerk);
    return result;
}

static void say_where(struct outcome *outcome)
{
    const struct keystore *keystore = outcome->key->keystore;
    char text[256];

    (void)snprintf(outcome->text, sizeof outcome->text, "keystore %s: token \"%s\", key %s",
                   keystore->name, keystore->token.label,
                   pkcs11_key_name_text(&outcome->key->pair.name, text, sizeof text));
}

/* The order with an id for sure. */
static enum result name_key(struct clerk_order *order)
{
    if (order->name.id_length > 0)
        return RESULT_OK;
    order->name.id_length = ID_OCTETS;
    return random_fill(order->name.id, ID_OCTETS);
}

static void try_keystore(struct clerk *clerk, const struct clerk_order *asked,
                         const struct config_policy *policy, struct outcome *outcome)
{
    struct keystore *keystore = clerk->means.keystore;
    struct clerk_order order = *asked;
    char text[PKCS11_FAILURE_OCTETS];

    if (!keystore || strcmp(keystore->name, asked->keystore) != 0) {
        (void)snprintf(outcome->text, sizeof outcome->text, "there is no keystore \"%.128s\"",
                       asked->keystore);
    } else if (keystore_state(keystore) != KEYSTORE_UP) {
        keystore_reason(keystore, text, sizeof text);
        (void)snprintf(outcome->text, sizeof outcome->text, "keystore %.128s: %.850s",
                       keystore->name, text);
    } else if (name_key(&order)) {
        (void)snprintf(outcome->text, sizeof outcome->text, "no random numbers for a key's id");
    } else if (ensure(clerk, &order, policy, outcome) == RESULT_OK) {
        say_where(outcome);
    }
}

bool clerk_key_ensure(struct clerk *clerk, const struct clerk_order *order)
{
    struct outcome outcome = {.key = NULL};
    struct config_policy policy;
    const char *no = objection(order);

    if (no) {
        (void)snprintf(outcome.text, sizeof outcome.text, "%s", no);
    } else if (clerk->means.policy(clerk->means.context, &order->zone, &policy)) {
        try_keystore(clerk, order, &policy, &outcome);
    } else if (clerk->now_ms - order->since_ms < ZONE_PATIENCE_MS) {
        return false;
    } else {
        (void)snprintf(outcome.text, sizeof outcome.text,
                       "the configuration has no such zone that is to be signed");
    }
    answer(clerk, order, &outcome);
    key_drop(outcome.key);
    return true;
}

/* ---- all keys of a token -------------------------------------------------------------------- */

/* Some keys, held. */
struct gathered {
    struct key **keys;
    size_t count, room;
    bool failed; /* out of memory */
};

static void gather_key(void *context, struct key *key)
{
    struct gathered *gathered = context;

    if (gathered->count == gathered->room) {
        size_t room = gathered->room ? 2 * gathered->room : 64;
        struct key **keys = realloc(gathered->keys, room * sizeof *keys);
        gathered->failed = gathered->failed || !keys;
        if (!keys)
            return;
        gathered->keys = keys;
        gathered->room = room;
    }
    gathered->keys[gathered->count++] = key_hold(key);
}

/* Why a key cannot be used, in the key. */
static void set_trouble(struct key *key, const char *text)
{
    free(key->trouble);
    key->trouble = text ? strdup(text) : NULL;
}

static enum result find_again(struct clerk *clerk, struct key *key, struct pkcs11_failure *failure)
{
    struct clerk_order order = {.algorithm = key->dnskey.algorithm, .name = key->pair.name};
    struct pkcs11_key pair;
    struct dnskey dnskey;
    bool generated;

    order.name.label[0] = '\0';
    enum result result = find_or_make(clerk, &order, &pair, &generated, failure);
    if (result)
        return result;
    if (make_dnskey(&pair, key->dnskey.flags, &dnskey) || !dnskey_equal(&dnskey, &key->dnskey))
        return complain_of_key(clerk->means.keystore, &order, "is another key than before",
                               failure);
    result = prove(clerk, &pair, &dnskey, failure);
    if (!result)
        key->pair = pair;
    return result;
}

/* RESULT_TOKEN when the token is gone; any other trouble is the key's. */
static enum result refind_key(struct clerk *clerk, struct key *key, struct pkcs11_failure *failure)
{
    struct keystore *keystore = clerk->means.keystore;

    enum result result = find_again(clerk, key, failure);
    key->usable = result == RESULT_OK;
    key->epoch = keystore->epoch;
    set_trouble(key, result ? failure->text : NULL);
    if (result)
        log_error("keystore %s: %s", keystore->name, failure->text);
    return result && failure->trouble == PKCS11_TROUBLE_GONE ? RESULT_TOKEN : RESULT_OK;
}

/* Not under the table's lock: this takes as long as the token likes. */
enum result clerk_key_refind(struct clerk *clerk, struct pkcs11_failure *failure)
{
    struct gathered gathered = {.count = 0};
    enum result result = RESULT_OK;

    keys_each(clerk->means.keys, clerk->means.keystore, gather_key, &gathered);
    if (gathered.failed) {
        (void)snprintf(failure->text, sizeof failure->text, "out of memory");
        result = RESULT_SYSTEM;
    }
    for (size_t i = 0; i < gathered.count; i++) {
        struct pkcs11_failure trouble = {.code = 0};
        if (!result && refind_key(clerk, gathered.keys[i], &trouble)) {
            *failure = trouble;
            result = RESULT_TOKEN;
        }
        key_drop(gathered.keys[i]);
    }
    free(gathered.keys);
    return result;
}

struct tally {
    uint64_t ready;
};

static void count_key(void *context, struct key *key)
{
    struct tally *tally = context;

    tally->ready += key->usable;
}

void clerk_key_count(struct clerk *clerk)
{
    struct keystore *keystore = clerk->means.keystore;
    struct tally tally = {0};

    if (keystore_state(keystore) == KEYSTORE_UP)
        keys_each(clerk->means.keys, keystore, count_key, &tally);
    metric_set(clerk->means.stripe, METRIC_KEYS_LOADED, tally.ready);
}
