/*
 * check_signatures.c - stored signatures, verified with the keys that their version publishes.
 *
 * Whether they are due or run out is the schedule's business: here a signature is judged as of its
 * own inception. What no DNSKEY can be found for is read anew once, for keys may have changed
 * since.
 */
#include "check.h"

#include <stdlib.h>

#include "avow/dnssec/nsec3.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"

static enum result prepare(struct zone_signatures *signatures, const struct rdata_run *run)
{
    struct reader reader = rdata_run_reader(run), rdata;

    signatures->verifiers = calloc(run->count ? run->count : 1U, sizeof *signatures->verifiers);
    if (!signatures->verifiers)
        return RESULT_SYSTEM;
    while (signatures->count < run->count && rdata_next(&reader, &rdata)) {
        struct verifier *verifier = &signatures->verifiers[signatures->count];
        struct dnskey key;
        if (dnskey_read(&rdata, &key))
            continue;
        enum result result = verifier_open(verifier, &key);
        signatures->count += result == RESULT_OK;
        if (result)
            verifier_close(verifier);
        if (result == RESULT_SYSTEM)
            return result;
    }
    return RESULT_OK;
}

static void forget_keys(struct zone_signatures *signatures)
{
    for (size_t i = 0; i < signatures->count; i++)
        verifier_close(&signatures->verifiers[i]);
    free(signatures->verifiers);
    signatures->verifiers = NULL;
    signatures->count = 0;
}

static enum result read_keys(struct zone_signatures *signatures, struct snapshot *snapshot)
{
    struct node_view node;
    struct rrset_view rrset;

    forget_keys(signatures);
    if (lookup_node(snapshot, signatures->version, &signatures->apex, &node) != RECORD_THERE ||
        node_find(&node, TYPE_DNSKEY, &rrset) != RECORD_THERE)
        return RESULT_OK;
    return prepare(signatures, &rrset.rdata);
}

enum result zone_signatures_open(struct zone_signatures *signatures, struct snapshot *snapshot,
                                 const struct name *apex, uint32_t version, bool tables)
{
    *signatures = (struct zone_signatures){.version = version, .tables = tables};
    name_copy(&signatures->apex, apex);
    enum result result = digest_context_open(&signatures->digests);
    return result ? result : read_keys(signatures, snapshot);
}

void zone_signatures_close(struct zone_signatures *signatures)
{
    forget_keys(signatures);
    digest_context_close(&signatures->digests);
    *signatures = (struct zone_signatures){.count = 0};
}

/* ---- one RRset --------------------------------------------------------------------------------
 */

/* Tags collide: any key that fits may have made it. */
static enum verdict verify_one(struct zone_signatures *signatures, const struct rrset *rrset,
                               struct reader rdata)
{
    enum verdict verdict = VERDICT_WRONG_KEY;
    struct rrsig rrsig;

    if (rrsig_read(&rdata, &rrsig))
        return VERDICT_BAD_FORM;
    const struct verify_request request = {
        .rrset = rrset, .rrsig = &rrsig, .apex = &signatures->apex, .now = rrsig.fields.inception};
    for (size_t i = 0; i < signatures->count; i++) {
        struct verifier *verifier = &signatures->verifiers[i];
        if (signatures->tables && verifier_wants_table(verifier))
            verifier_make_table(verifier);
        enum verdict one = verifier_check_rrset(verifier, &signatures->digests, &request);
        if (one == VERDICT_VALID || one == VERDICT_NO_MEANS)
            return one;
        if (one != VERDICT_WRONG_KEY)
            verdict = one;
    }
    return verdict;
}

static enum verdict verify_all(struct zone_signatures *signatures, const struct rrset *rrset,
                               const struct rdata_run *run)
{
    enum verdict verdict = VERDICT_VALID;
    struct reader reader = rdata_run_reader(run), rdata;

    while (verdict == VERDICT_VALID && rdata_next(&reader, &rdata))
        verdict = verify_one(signatures, rrset, rdata);
    return verdict;
}

static void check_rrset(struct check *check, const struct name *owner,
                        const struct rrset_view *view, const uint8_t *hash)
{
    struct zone_signatures *signatures = check->task->signatures;
    const struct rrset rrset = {.owner = owner,
                                .type = view->type,
                                .class_ = CLASS_IN,
                                .ttl = view->ttl,
                                .rdata = view->rdata};

    if (view->signatures.count == 0 || signatures->count == 0)
        return;
    check->counts->signatures++;
    enum verdict verdict = verify_all(signatures, &rrset, &view->signatures);
    if (verdict != VERDICT_VALID && verdict != VERDICT_NO_MEANS &&
        read_keys(signatures, check->snapshot) == RESULT_OK)
        verdict = verify_all(signatures, &rrset, &view->signatures);
    if (verdict == VERDICT_VALID || verdict == VERDICT_NO_MEANS)
        return;
    check->counts->bad_signatures++;
    struct bad_signature bad = {
        .version = signatures->version, .type = view->type, .hash = hash, .verdict = verdict};
    name_copy(&bad.owner, owner);
    if (check->task->bad_signature)
        check->task->bad_signature(check->task->context, &bad);
}

void check_node_signatures(struct check *check, const struct node_view *node)
{
    struct rrset_view rrset;
    struct name owner;

    if (!check->task->signatures || node_name(node, &owner))
        return;
    for (struct reader rows = node->rows; node_next(&rows, &rrset);)
        if (node_fetch(node, &rrset) == RESULT_OK)
            check_rrset(check, &owner, &rrset, NULL);
}

void check_nsec3_signatures(struct check *check, const struct chain_nsec3 *nsec3)
{
    struct zone_signatures *signatures = check->task->signatures;
    struct name owner;

    if (signatures && nsec3_owner(nsec3->hash, &signatures->apex, &owner) == RESULT_OK)
        check_rrset(check, &owner, &nsec3->rrset, nsec3->hash);
}
