/* update.c - a dynamic update over a stage. */
#include "update.h"

#include <stdlib.h>
#include <string.h>

#include "avow/wire/rdata.h"
#include "avow/wire/type.h"
#include "internal.h"
#include "overlay.h"
#include "soa.h"

enum {
    COMPRESSED_OWNER = 2,
    RRSET_OCTETS = MESSAGE_MAX_OCTETS - 1024 /* header, question, OPT, TSIG, one owner */
};

static const struct update_outcome done = {.rcode = RCODE_NOERROR};

static struct update_outcome fail(uint16_t rcode, const char *text)
{
    return (struct update_outcome){.rcode = rcode, .text = text};
}

/* Whether a record is one at all. The desk has checked them; the desk may have been taken over. */
static bool is_sound(const struct stage *stage, const struct update_record *record)
{
    bool has_value = record->class_ == CLASS_IN || record->class_ == CLASS_NONE;

    if (!name_is_within(&record->owner, &stage->zone->name))
        return false;
    if (record->class_ == CLASS_ANY || (has_value && record->type == TYPE_ANY))
        return record->rdata.length == 0;
    if (!has_value || type_is_meta(record->type))
        return false;
    return rdata_check(record->type, record->rdata.octets, record->rdata.length) == RESULT_OK;
}

/* A prerequisite of class NONE asks whether something is there: it has no value. */
static bool is_sound_prerequisite(const struct stage *stage, const struct update_record *record)
{
    struct update_record asked = *record;

    if (record->class_ == CLASS_NONE)
        asked.class_ = CLASS_ANY;
    return is_sound(stage, &asked) && !(record->class_ == CLASS_IN && record->type == TYPE_ANY);
}

static bool is_sound_change(const struct stage *stage, const struct update_record *record)
{
    if (record->class_ != CLASS_ANY &&
        (record->type == TYPE_ANY || type_is_made_by_signer(record->type)))
        return false;
    return is_sound(stage, record);
}

/* ---- prerequisites (RFC 2136 section 3.2) -----------------------------------------------------
 */

/* Whether the name, or an RRset of it, is there; names in use have at least one record, so empty
 * non-terminals are not. Wildcards are names like others. */
static bool is_there(struct stage *stage, const struct update_record *record)
{
    const struct staged_name *name = stage_name(stage, &record->owner);

    if (!name)
        return false;
    return record->type == TYPE_ANY ? staged_has_data(name)
                                    : staged_find(name, record->type) != NULL;
}

/* What does not depend on values: section 3.2.1 to 3.2.4. */
static uint16_t check_existence(struct stage *stage, const struct update_record *record)
{
    bool any = record->type == TYPE_ANY, there = is_there(stage, record);

    if (record->class_ == CLASS_ANY && !there)
        return any ? RCODE_NXDOMAIN : RCODE_NXRRSET;
    if (record->class_ == CLASS_NONE && there)
        return any ? RCODE_YXDOMAIN : RCODE_YXRRSET;
    return RCODE_NOERROR;
}

static int compare_sets(const void *a, const void *b)
{
    const struct update_record *left = a, *right = b;
    int order = name_compare(&left->owner, &right->owner);

    return order ? order : (left->type > right->type) - (left->type < right->type);
}

/* Whether the RRset that these belong to, all of them to one, has just these records. */
static bool has_values(struct stage *stage, const struct update_record *records, size_t count)
{
    const struct staged_name *name = stage_name(stage, &records->owner);
    const struct staged_rrset *rrset = name ? staged_find(name, records->type) : NULL;
    struct buffer run = {.length = 0};
    enum result result = RESULT_OK;
    uint16_t different = 0;
    bool added, same = false;

    if (!rrset)
        return false;
    for (size_t i = 0; i < count && !result; i++)
        result = rdata_run_insert(&run, &different, records->type, records[i].rdata.octets,
                                  records[i].rdata.length, &added);
    if (result) {
        stage_fail(stage, RESULT_SYSTEM);
    } else {
        struct rdata_run stored = staged_rdata(rrset);
        struct rdata_run wanted = {
            .octets = run.octets, .length = (uint32_t)run.length, .count = different};
        same = rdata_run_equal(records->type, &stored, &wanted);
    }
    buffer_free(&run);
    return same;
}

/* Section 3.2.3: RRsets as wholes; TTLs do not count. So many of the prerequisites have values:
 * they are sorted, for there may be thousands. */
static bool check_values(struct stage *stage, const struct update_request *request, size_t count)
{
    struct update_record *records = calloc(count + 1, sizeof *records);
    struct reader reader = span_reader(request->prerequisites);
    bool hold = records != NULL;

    if (!records)
        stage_fail(stage, RESULT_SYSTEM);
    for (size_t i = 0, kept = 0; hold && i < request->prerequisite_count; i++) {
        update_record_read(&reader, &records[kept]);
        kept += records[kept].class_ == CLASS_IN;
    }
    if (hold)
        qsort(records, count, sizeof *records, compare_sets);
    for (size_t first = 0, end; hold && first < count; first = end) {
        for (end = first + 1; end < count && compare_sets(&records[first], &records[end]) == 0;)
            end++;
        hold = has_values(stage, &records[first], end - first);
    }
    free(records);
    return hold;
}

/* One section, first what asks whether something is there, then what compares values. */
static struct update_outcome check_prerequisites(struct stage *stage,
                                                 const struct update_request *request)
{
    struct reader reader = span_reader(request->prerequisites);
    struct update_record record;
    size_t values = 0;

    for (unsigned i = 0; i < request->prerequisite_count; i++) {
        update_record_read(&reader, &record);
        if (reader.failed || !is_sound_prerequisite(stage, &record))
            return fail(RCODE_FORMERR, "a prerequisite is malformed");
        uint16_t rcode = RCODE_NOERROR;
        if (record.class_ == CLASS_IN)
            values++;
        else
            rcode = check_existence(stage, &record);
        if (rcode)
            return fail(rcode, "a prerequisite does not hold");
    }
    if (values && !check_values(stage, request, values))
        return fail(RCODE_NXRRSET, "a prerequisite does not hold");
    return done;
}

/* ---- DNSKEY -----------------------------------------------------------------------------------
 */

/* Whether RDATA is that of a key of ours: the key manager's alone. */
static bool is_own_key(const struct keeper_zone *zone, const struct span *rdata)
{
    for (unsigned i = 0; i < zone->key_count; i++) {
        const struct key_row *row = &zone->keys[i].row;
        if (row->dnskey_length == rdata->length && rdata->length &&
            memcmp(row->dnskey, rdata->octets, rdata->length) == 0)
            return true;
    }
    return false;
}

/* A key with an algorithm that signs nothing here makes the zone bogus for validators that insist
 * on every algorithm of the DNSKEY RRset (RFC 4035 section 2.2). */
static bool has_algorithm(const struct keeper_zone *zone, const struct span *rdata)
{
    if (rdata->length < 4)
        return false;
    for (unsigned i = 0; i < zone->key_count; i++) {
        if (zone->keys[i].row.algorithm == rdata->octets[3])
            return true;
    }
    return zone->key_count == 0;
}

static const char *refuse_key(const struct stage *stage, const struct update_record *record)
{
    bool own = is_own_key(stage->zone, &record->rdata);

    if (record->class_ == CLASS_NONE)
        return own ? "a key that signs the zone cannot be removed by update" : NULL;
    if (record->owner.labels != stage->zone->name.labels)
        return "DNSKEY belongs at the apex";
    return has_algorithm(stage->zone, &record->rdata)
               ? NULL
               : "a DNSKEY of an algorithm that does not sign the zone";
}

/* What the zone could not be signed with; NULL. */
static const char *refuse(const struct stage *stage, const struct update_record *record)
{
    bool signed_here = stage->zone->row.flags & ZONE_SIGNED;

    if (record->type == TYPE_DNSKEY && record->class_ != CLASS_ANY)
        return refuse_key(stage, record);
    if (signed_here && record->type == TYPE_DS && record->class_ == CLASS_IN &&
        record->owner.labels == stage->zone->name.labels)
        return "DS at the apex belongs to the parent (RFC 4035 section 2.4)";
    return NULL;
}

/* ---- changes (section 3.4.2) ------------------------------------------------------------------
 */

/* Whether a name has anything that cannot lie beside a CNAME (RFC 2181 section 10.1, RFC 4035
 * section 2.5). */
static bool has_other_than_cname(const struct staged_name *name)
{
    for (size_t i = 0; i < name->count; i++) {
        uint16_t type = name->rrsets[i].type;
        if (name->rrsets[i].count && type != TYPE_CNAME && type != TYPE_NSEC && type != TYPE_KEY)
            return true;
    }
    return false;
}

/* Whether the new SOA is to take the place of the old one. */
static bool is_later_soa(const struct staged_name *name, const struct update_record *record)
{
    const struct staged_rrset *stored = staged_find(name, TYPE_SOA);
    struct soa old, new;

    if (!stored)
        return false;
    struct rdata_run run = staged_rdata(stored);
    return soa_read(run.octets + 2, run.length - 2, &old) == RESULT_OK &&
           soa_read(record->rdata.octets, record->rdata.length, &new) == RESULT_OK &&
           serial_is_after(new.serial, old.serial);
}

/* Whether a name lies below a DNAME, as it will be. */
static bool is_below_dname(struct stage *stage, const struct name *name)
{
    struct name ancestor;

    for (unsigned labels = stage->zone->name.labels; labels < name->labels; labels++) {
        name_suffix(name, labels, &ancestor);
        const struct staged_name *staged = stage_name(stage, &ancestor);
        if (staged && staged_find(staged, TYPE_DNAME))
            return true;
    }
    return false;
}

static bool has_names_below(struct stage *stage, const struct staged_name *name)
{
    return overlay_has_within(stage, name->item.key, name->item.length, OVERLAY_BEHIND);
}

/* What no zone may hold beside or below a DNAME (RFC 6672 sections 2.3, 2.4) is ignored like what
 * may not lie beside a CNAME: secondaries refuse such a zone, and its file could not be loaded. */
static bool disturbs_dname(struct stage *stage, const struct staged_name *name, uint16_t type)
{
    bool apex = staged_is_apex(stage, name);

    if (!apex && ((type == TYPE_NS && staged_find(name, TYPE_DNAME)) ||
                  (type == TYPE_DNAME && staged_find(name, TYPE_NS))))
        return true;
    return is_below_dname(stage, &name->name) ||
           (type == TYPE_DNAME && has_names_below(stage, name));
}

static bool is_single(uint16_t type)
{
    return type == TYPE_SOA || type == TYPE_CNAME || type == TYPE_DNAME;
}

/* Section 3.4.2.2. */
static void add(struct stage *stage, struct staged_name *name, const struct update_record *record)
{
    if (record->type == TYPE_CNAME ? has_other_than_cname(name)
                                   : staged_find(name, TYPE_CNAME) && record->type != TYPE_KEY)
        return;
    if ((record->type == TYPE_SOA && !is_later_soa(name, record)) ||
        disturbs_dname(stage, name, record->type))
        return;
    if (!is_single(record->type)) {
        staged_add(stage, name, record->type, record->ttl, record->rdata);
        return;
    }
    /* There is only ever one: it takes the other's place (RFC 6672 section 5.2 for DNAME). */
    struct buffer octets = {.length = 0};
    buffer_u16(&octets, (uint16_t)record->rdata.length);
    buffer_add(&octets, record->rdata.octets, record->rdata.length);
    struct rdata_run run = {.octets = octets.octets, .length = (uint32_t)octets.length, .count = 1};
    if (buffer_check(&octets))
        stage_fail(stage, RESULT_SYSTEM);
    else
        staged_replace(stage, name, record->type, record->ttl, &run);
    buffer_free(&octets);
}

/* Our own DNSKEYs stay, when the RRset is deleted. */
static void delete_foreign_keys(struct stage *stage, struct staged_name *name,
                                struct staged_rrset *rrset)
{
    struct buffer kept = {.length = 0};
    struct rdata_run run = staged_rdata(rrset), rest = {.count = 0};
    struct reader rdata;

    for (struct reader all = rdata_run_reader(&run); rdata_next(&all, &rdata);) {
        struct span octets = span_of(rdata.at, reader_left(&rdata));
        if (!is_own_key(stage->zone, &octets))
            continue;
        buffer_u16(&kept, (uint16_t)octets.length);
        buffer_add(&kept, octets.octets, octets.length);
        rest.count++;
    }
    rest.octets = kept.octets;
    rest.length = (uint32_t)kept.length;
    if (buffer_check(&kept))
        stage_fail(stage, RESULT_SYSTEM);
    else
        staged_replace(stage, name, TYPE_DNSKEY, rrset->ttl, &rest);
    buffer_free(&kept);
}

/* Section 3.4.2.3: the apex keeps its SOA and NS; what the signer makes is the signer's. */
static void delete_rrset(struct stage *stage, struct staged_name *name, uint16_t type)
{
    static const struct rdata_run none = {.octets = (const uint8_t *)""};
    struct staged_rrset *rrset = staged_find(name, type);

    if (!rrset || type_is_made_by_signer(type))
        return;
    if (staged_is_apex(stage, name) && (type == TYPE_SOA || type == TYPE_NS))
        return;
    if (staged_is_apex(stage, name) && type == TYPE_DNSKEY)
        delete_foreign_keys(stage, name, rrset);
    else
        staged_replace(stage, name, type, 0, &none);
}

/* Types that are another's to delete, unless they are named: they have grants of their own. */
static bool is_granted_apart(uint16_t type)
{
    return type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY || type == TYPE_CSYNC;
}

static void delete_all(struct stage *stage, struct staged_name *name)
{
    for (size_t i = 0; i < name->count && !stage->failed; i++) {
        if (!is_granted_apart(name->rrsets[i].type))
            delete_rrset(stage, name, name->rrsets[i].type);
    }
}

/* Section 3.4.2.4: never the SOA, nor the last NS of the apex. */
static void delete_record(struct stage *stage, struct staged_name *name,
                          const struct update_record *record)
{
    const struct staged_rrset *rrset = staged_find(name, record->type);

    if (!rrset || record->type == TYPE_SOA || type_is_made_by_signer(record->type))
        return;
    if (staged_is_apex(stage, name) && record->type == TYPE_NS && rrset->count == 1)
        return;
    staged_remove(stage, name, record->type, record->rdata);
}

static void change(struct stage *stage, struct staged_name *name,
                   const struct update_record *record)
{
    if (record->class_ == CLASS_IN)
        add(stage, name, record);
    else if (record->class_ == CLASS_NONE)
        delete_record(stage, name, record);
    else if (record->type == TYPE_ANY)
        delete_all(stage, name);
    else
        delete_rrset(stage, name, record->type);
}

static struct update_outcome change_all(struct stage *stage, const struct update_request *request)
{
    struct reader reader = span_reader(request->changes);
    struct update_record record;

    for (unsigned i = 0; i < request->change_count && !stage->failed; i++) {
        update_record_read(&reader, &record);
        if (reader.failed || !is_sound_change(stage, &record))
            return fail(RCODE_FORMERR, "a change is malformed");
        const char *text = refuse(stage, &record);
        if (text)
            return fail(RCODE_REFUSED, text);
        struct staged_name *name = stage_name(stage, &record.owner);
        if (name)
            change(stage, name, &record);
    }
    return done;
}

/* Whether an RRset goes into a message together with its signatures: owners as pointers, the first
 * one and the question's whole. */
static bool fits_message(const struct stage *stage, const struct staged_rrset *rrset)
{
    size_t records = (size_t)rrset->count * (COMPRESSED_OWNER + 8) + rrset->run.length;

    return records + keyring_room(stage->zone, rrset->type) <= RRSET_OCTETS;
}

/* How large a name may become depends on what is there: only here it can be known. */
static struct update_outcome check_limits(struct stage *stage, const struct update_request *request)
{
    struct reader reader = span_reader(request->changes);
    struct update_record record;

    for (unsigned i = 0; i < request->change_count && !stage->failed; i++) {
        update_record_read(&reader, &record);
        if (reader.failed || record.class_ != CLASS_IN)
            continue;
        const struct staged_name *name = stage_find(stage, &record.owner);
        const struct staged_rrset *rrset = name ? staged_find(name, record.type) : NULL;
        if (rrset && rrset->touched && !fits_message(stage, rrset))
            return fail(RCODE_REFUSED, "no message could carry the RRset");
        if (name && record.limit && staged_records(name) > record.limit)
            return fail(RCODE_REFUSED, "the name would have more records than the grant allows");
    }
    return done;
}

struct update_outcome update_apply(struct stage *stage, const struct update_request *request)
{
    struct update_outcome outcome = check_prerequisites(stage, request);

    if (!outcome.rcode && request->refusal)
        outcome = fail(request->refusal, "the changes are malformed or not granted");
    if (outcome.rcode || stage->failed)
        return outcome;
    stage_mark(stage);
    outcome = change_all(stage, request);
    if (!outcome.rcode)
        outcome = check_limits(stage, request);
    if (outcome.rcode && !stage->failed)
        stage_take_back(stage);
    outcome.changed = !outcome.rcode && stage_has_changed(stage);
    return outcome;
}
