/* rules.c - what a zone must be before it is served. */
#include "avow/zonefile/rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "avow/wire/rdata.h"
#include "targets.h"

/* Every rule: its weight, and what is said after the owner, or after the target of an NS, MX or
 * SRV, when it is broken. */
#define RULES(R)                                                                                   \
    R(OUTSIDE, ERROR, "is outside the zone")                                                       \
    R(NO_SOA, ERROR, "has no SOA record; a zone needs one at its apex")                            \
    R(NO_NS, ERROR, "has no NS records; a zone needs them at its apex")                            \
    R(SOA_ELSEWHERE, ERROR, "has a SOA record, which only the apex may have")                      \
    R(MANY_SOA, ERROR, "has more than one SOA record")                                             \
    R(MANY_CNAME, ERROR, "has more than one CNAME record (RFC 2181 section 10.1)")                 \
    R(MANY_DNAME, ERROR, "has more than one DNAME record (RFC 6672 section 2.4)")                  \
    R(BESIDE_CNAME, ERROR, "has CNAME and other data (RFC 1034 section 3.6.2)")                    \
    R(DNAME_AT_CUT, ERROR, "has DNAME and NS, which only the apex may (RFC 6672 section 2.3)")     \
    R(BELOW_DNAME, ERROR, "is below a DNAME, where no data may be (RFC 6672 section 2.4)")         \
    R(TOO_MANY, ERROR, "has more records of one type than the limit allows")                       \
    R(TOO_LARGE, ERROR, "has an RRset that no message of 65535 octets can carry")                  \
    R(TTLS, WARNING, "has records of one type with different TTLs; the lowest is used")            \
    R(OCCLUDED, WARNING, "has data below a cut that is no glue; it is never answered")             \
    R(GLUE, WARNING, "is below the cut and has no address there (glue; RFC 9471)")                 \
    R(NOWHERE, WARNING, "has no address in this zone")                                             \
    R(ALIAS, WARNING, "is a CNAME (RFC 2181 section 10.3)")                                        \
    R(WILDCARD_NS, WARNING, "has NS at a wildcard, which is undefined (RFC 4592 section 4.2)")     \
    R(WILDCARD_DNAME, WARNING, "has DNAME at a wildcard, discouraged (RFC 4592 section 4.4)")      \
    R(DS_ALONE, WARNING, "has DS but no NS; DS belongs at a cut, in the parent's zone")            \
    R(NOT_AT_APEX, WARNING, "has a type that means something only at the apex")                    \
    R(MADE_BY_SIGNER, WARNING, "has records of a signer, which are left out here and below")

enum rule {
#define RULE_ENUMERATOR(name, weight, sentence) RULE_##name,
    RULES(RULE_ENUMERATOR)
#undef RULE_ENUMERATOR
        RULE_COUNT
};

static const struct {
    enum complaint_weight weight;
    const char *sentence;
} rule_rows[RULE_COUNT] = {
#define RULE_ROW(name, word, text) {.weight = COMPLAINT_##word, .sentence = (text)},
    RULES(RULE_ROW)
#undef RULE_ROW
};

enum {
    MOST_OF_A_KIND = 20,     /* warnings of one kind; the rest is counted */
    MOST_GLUE = 1000,        /* names below one cut that need glue */
    ROOM_BESIDE_RRSET = 1024 /* question, signature, OPT */
};

struct zone_rules {
    struct zone_rules_options options;
    struct name zone;
    bool has_soa, has_ns;
    bool in_cut, in_dname;
    struct name cut;
    struct name dname;
    struct targets targets;
    struct buffer glue; /* struct glue: what the cut at hand needs */
    uint32_t counts[RULE_COUNT];
    uint32_t errors;
};

/* A name below the current cut that one of its NS leads to. */
struct glue {
    uint64_t hash;
    uint16_t file;
    bool met;
    uint32_t line;
    struct name name;
};

/* ---- complaints ---------------------------------------------------------------------------- */

static void tell(struct zone_rules *rules, enum rule rule, const struct name *name,
                 const struct zone_set *set)
{
    char owner[NAME_MAX_TEXT], what[NAME_MAX_TEXT + 256], type[TYPE_MAX_TEXT];
    enum complaint_weight weight = rule_rows[rule].weight;

    if (weight == COMPLAINT_ERROR)
        rules->errors++;
    else if (++rules->counts[rule] > MOST_OF_A_KIND)
        return;
    name_to_text(name, owner);
    if (rule == RULE_GLUE || rule == RULE_NOWHERE || rule == RULE_ALIAS)
        snprintf(what, sizeof what, "%s leads to %s, which %s", type_to_text(set->type, type),
                 owner, rule_rows[rule].sentence);
    else
        snprintf(what, sizeof what, "%s%s%s %s", owner, set ? " " : "",
                 set ? type_to_text(set->type, type) : "", rule_rows[rule].sentence);
    complain(rules->options.complaints,
             &(struct complaint){
                 .weight = weight,
                 .file = zonefile_file_name(rules->options.files, set ? set->file : 0),
                 .line = set ? set->line : 0,
                 .what = what,
             });
}

/* How many warnings were not shown. */
static void tell_the_rest(const struct zone_rules *rules)
{
    char what[256];

    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (rules->counts[i] <= MOST_OF_A_KIND)
            continue;
        snprintf(what, sizeof what, "%u more: a name %s", rules->counts[i] - MOST_OF_A_KIND,
                 rule_rows[i].sentence);
        complain(rules->options.complaints,
                 &(struct complaint){.weight = COMPLAINT_NOTE,
                                     .file = zonefile_file_name(rules->options.files, 0),
                                     .what = what});
    }
}

/* ---- looking at an owner ------------------------------------------------------------------- */

static struct zone_set *find(const struct zone_owner *owner, uint16_t type)
{
    for (size_t i = 0; i < owner->count; i++) {
        if (owner->sets[i].type == type && !owner->sets[i].dropped)
            return &owner->sets[i];
    }
    return NULL;
}

static bool is_address(uint16_t type)
{
    return type == TYPE_A || type == TYPE_AAAA;
}

static bool has_address(const struct zone_owner *owner)
{
    return find(owner, TYPE_A) || find(owner, TYPE_AAAA);
}

/* Mark what a signer made. Returns how many sets are left. */
static size_t drop_signers_sets(struct zone_rules *rules, struct zone_owner *owner)
{
    size_t left = 0;

    for (size_t i = 0; i < owner->count; i++) {
        struct zone_set *set = &owner->sets[i];
        /* A ZONEMD digest would not fit the zone that is signed anew (RFC 8976 section 3). */
        set->dropped = rules->options.signing == ZONE_SIGNED_HERE &&
                       (type_is_made_by_signer(set->type) || set->type == TYPE_ZONEMD);
        left += !set->dropped;
        if (set->dropped && rules->counts[RULE_MADE_BY_SIGNER] == 0)
            tell(rules, RULE_MADE_BY_SIGNER, owner->name, set);
    }
    return left;
}

static void judge_size(struct zone_rules *rules, const struct zone_owner *owner,
                       const struct zone_set *set)
{
    /* A compressed owner, type, class and TTL are ten octets; the length is in the run already. */
    size_t octets = set->rdata.length + 10u * set->rdata.count + owner->name->length;

    if (set->rdata.count > rules->options.records_per_set)
        tell(rules, RULE_TOO_MANY, owner->name, set);
    else if (octets > UINT16_MAX - ROOM_BESIDE_RRSET)
        tell(rules, RULE_TOO_LARGE, owner->name, set);
}

static void judge_single(struct zone_rules *rules, const struct zone_owner *owner,
                         const struct zone_set *set)
{
    if (set->rdata.count < 2)
        return;
    if (set->type == TYPE_SOA)
        tell(rules, RULE_MANY_SOA, owner->name, set);
    if (set->type == TYPE_CNAME)
        tell(rules, RULE_MANY_CNAME, owner->name, set);
    if (set->type == TYPE_DNAME)
        tell(rules, RULE_MANY_DNAME, owner->name, set);
}

/* What is said of each RRset, wherever it stands. */
static void judge_sets(struct zone_rules *rules, const struct zone_owner *owner)
{
    for (size_t i = 0; i < owner->count; i++) {
        const struct zone_set *set = &owner->sets[i];
        if (set->dropped)
            continue;
        judge_size(rules, owner, set);
        judge_single(rules, owner, set);
        /* Each RRSIG has the TTL of what it covers (RFC 4034 section 3): they differ by right. */
        if (set->ttl != set->ttl_highest && set->type != TYPE_RRSIG)
            tell(rules, RULE_TTLS, owner->name, set);
    }
}

static bool may_be_beside_cname(uint16_t type)
{
    return type == TYPE_CNAME || type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_KEY;
}

static void judge_cname(struct zone_rules *rules, const struct zone_owner *owner)
{
    if (!find(owner, TYPE_CNAME))
        return;
    for (size_t i = 0; i < owner->count; i++) {
        if (!owner->sets[i].dropped && !may_be_beside_cname(owner->sets[i].type)) {
            tell(rules, RULE_BESIDE_CNAME, owner->name, &owner->sets[i]);
            return;
        }
    }
}

static void judge_wildcard(struct zone_rules *rules, const struct zone_owner *owner)
{
    const struct zone_set *set;

    if (!name_is_wildcard(owner->name))
        return;
    if ((set = find(owner, TYPE_NS)) != NULL)
        tell(rules, RULE_WILDCARD_NS, owner->name, set);
    if ((set = find(owner, TYPE_DNAME)) != NULL)
        tell(rules, RULE_WILDCARD_DNAME, owner->name, set);
}

/* ---- apex ---------------------------------------------------------------------------------- */

static void judge_apex(struct zone_rules *rules, const struct zone_owner *owner)
{
    const struct zone_set *ds = find(owner, TYPE_DS);

    rules->has_soa |= find(owner, TYPE_SOA) != NULL;
    rules->has_ns |= find(owner, TYPE_NS) != NULL;
    if (ds)
        tell(rules, RULE_DS_ALONE, owner->name, ds);
}

static bool belongs_at_apex(uint16_t type)
{
    return type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY ||
           type == TYPE_NSEC3PARAM || type == TYPE_ZONEMD || type == TYPE_CSYNC;
}

static void judge_not_apex(struct zone_rules *rules, const struct zone_owner *owner)
{
    const struct zone_set *soa = find(owner, TYPE_SOA);

    if (soa)
        tell(rules, RULE_SOA_ELSEWHERE, owner->name, soa);
    for (size_t i = 0; i < owner->count; i++) {
        if (!owner->sets[i].dropped && belongs_at_apex(owner->sets[i].type))
            tell(rules, RULE_NOT_AT_APEX, owner->name, &owner->sets[i]);
    }
}

/* ---- cuts and glue ------------------------------------------------------------------------- */

/* An owner at or below the cut has addresses: that much of the glue is there. */
static void meet_glue(struct zone_rules *rules, const struct zone_owner *owner)
{
    struct glue *glue = (struct glue *)(void *)rules->glue.octets;
    size_t count = rules->glue.length / sizeof *glue;

    if (count == 0 || !has_address(owner))
        return;
    uint64_t hash = targets_hash(&rules->targets, owner->name);
    for (size_t i = 0; i < count; i++)
        glue[i].met |= glue[i].hash == hash;
}

/* Everything below the cut was seen. */
static void leave_cut(struct zone_rules *rules)
{
    const struct glue *glue = (const struct glue *)(void *)rules->glue.octets;
    size_t count = rules->glue.length / sizeof *glue;

    for (size_t i = 0; i < count; i++) {
        struct zone_set set = {.type = TYPE_NS, .file = glue[i].file, .line = glue[i].line};
        if (!glue[i].met)
            tell(rules, RULE_GLUE, &glue[i].name, &set);
    }
    buffer_clear(&rules->glue);
    rules->in_cut = false;
}

static enum result want_glue(struct zone_rules *rules, const struct name *name,
                             const struct zone_set *set)
{
    struct glue glue = {
        .hash = targets_hash(&rules->targets, name), .file = set->file, .line = set->line};

    name_copy(&glue.name, name);
    if (rules->glue.length / sizeof glue < MOST_GLUE)
        buffer_add(&rules->glue, &glue, sizeof glue);
    return buffer_check(&rules->glue);
}

static enum result note_target(struct zone_rules *rules, const struct name *name,
                               const struct zone_set *set)
{
    struct target target = {.type = set->type, .file = set->file, .line = set->line};

    name_copy(&target.name, name);
    return targets_note(&rules->targets, &target);
}

/* Where the records of one NS, MX or SRV set lead. */
static enum result take_targets(struct zone_rules *rules, const struct zone_set *set, bool at_cut)
{
    struct reader run = rdata_run_reader(&set->rdata);
    struct name name;

    for (struct reader rdata; rdata_next(&run, &rdata);) {
        if (!rdata_target(set->type, rdata.at, reader_left(&rdata), &name) || name.labels == 0 ||
            !name_is_within(&name, &rules->zone))
            continue;
        bool below = at_cut && set->type == TYPE_NS && name_is_within(&name, &rules->cut);
        enum result result = below ? want_glue(rules, &name, set) : note_target(rules, &name, set);
        if (result)
            return result;
    }
    return RESULT_OK;
}

static enum result take_all_targets(struct zone_rules *rules, const struct zone_owner *owner)
{
    for (size_t i = 0; i < owner->count; i++) {
        const struct zone_set *set = &owner->sets[i];
        bool leads = set->type == TYPE_NS || set->type == TYPE_MX || set->type == TYPE_SRV;
        if (!leads || set->dropped)
            continue;
        enum result result = take_targets(rules, set, owner->place == ZONE_PLACE_CUT);
        if (result)
            return result;
    }
    return RESULT_OK;
}

static bool may_be_at_cut(uint16_t type)
{
    return is_address(type) || type == TYPE_NS || type == TYPE_DS || type == TYPE_NSEC ||
           type == TYPE_RRSIG;
}

/* At a cut NS, DS and glue are seen; below it only glue is (RFC 1034 section 4.2.1). */
static void judge_hidden(struct zone_rules *rules, const struct zone_owner *owner)
{
    for (size_t i = 0; i < owner->count; i++) {
        const struct zone_set *set = &owner->sets[i];
        bool fine =
            owner->place == ZONE_PLACE_CUT ? may_be_at_cut(set->type) : is_address(set->type);
        if (!fine && !set->dropped)
            tell(rules, RULE_OCCLUDED, owner->name, set);
    }
}

/* ---- one owner ----------------------------------------------------------------------------- */

static enum zone_place place_of(struct zone_rules *rules, const struct zone_owner *owner)
{
    const struct name *name = owner->name;

    if (rules->in_cut && !name_is_within(name, &rules->cut))
        leave_cut(rules);
    if (rules->in_dname && !name_is_within(name, &rules->dname))
        rules->in_dname = false;
    if (!name_is_within(name, &rules->zone))
        return ZONE_PLACE_OUTSIDE;
    if (name->labels == rules->zone.labels)
        return ZONE_PLACE_APEX;
    if (rules->in_cut)
        return ZONE_PLACE_BELOW_CUT;
    if (rules->in_dname)
        return ZONE_PLACE_BELOW_DNAME;
    return find(owner, TYPE_NS) ? ZONE_PLACE_CUT : ZONE_PLACE_DATA;
}

/* What hides the names that come next. */
static void enter(struct zone_rules *rules, const struct zone_owner *owner)
{
    const struct zone_set *dname = find(owner, TYPE_DNAME);

    if (owner->place == ZONE_PLACE_CUT) {
        name_copy(&rules->cut, owner->name);
        rules->in_cut = true;
        targets_add_trait(&rules->targets, owner->name, TRAIT_ELSEWHERE);
        if (dname)
            tell(rules, RULE_DNAME_AT_CUT, owner->name, dname);
    } else if (dname && owner->place != ZONE_PLACE_BELOW_CUT) {
        name_copy(&rules->dname, owner->name);
        rules->in_dname = true;
        targets_add_trait(&rules->targets, owner->name, TRAIT_ELSEWHERE);
    }
}

static void judge_place(struct zone_rules *rules, const struct zone_owner *owner)
{
    const struct zone_set *ds = find(owner, TYPE_DS);

    switch (owner->place) {
    case ZONE_PLACE_APEX:
        judge_apex(rules, owner);
        break;
    case ZONE_PLACE_CUT:
    case ZONE_PLACE_BELOW_CUT:
        judge_hidden(rules, owner);
        break;
    case ZONE_PLACE_BELOW_DNAME:
        tell(rules, RULE_BELOW_DNAME, owner->name, &owner->sets[0]);
        break;
    case ZONE_PLACE_OUTSIDE:
        tell(rules, RULE_OUTSIDE, owner->name, &owner->sets[0]);
        return;
    case ZONE_PLACE_DATA:
        if (ds)
            tell(rules, RULE_DS_ALONE, owner->name, ds);
        break;
    }
    if (owner->place != ZONE_PLACE_APEX)
        judge_not_apex(rules, owner);
}

/* Remember what the targets of others may lead to. */
static enum result remember(struct zone_rules *rules, const struct zone_owner *owner)
{
    if (has_address(owner))
        targets_add_trait(&rules->targets, owner->name, TRAIT_ADDRESS);
    if (find(owner, TYPE_CNAME) && owner->place != ZONE_PLACE_BELOW_CUT)
        return targets_add_alias(&rules->targets, owner->name);
    return RESULT_OK;
}

enum result zone_rules_owner(struct zone_rules *rules, struct zone_owner *owner)
{
    enum result result = RESULT_OK;

    size_t left = drop_signers_sets(rules, owner);
    owner->place = place_of(rules, owner);
    if (left == 0)
        return RESULT_OK;
    judge_place(rules, owner);
    if (owner->place == ZONE_PLACE_OUTSIDE)
        return complaints_exhausted(rules->options.complaints) ? RESULT_FORMAT : RESULT_OK;
    judge_sets(rules, owner);
    judge_cname(rules, owner);
    judge_wildcard(rules, owner);
    enter(rules, owner);
    if (owner->place != ZONE_PLACE_BELOW_CUT)
        result = take_all_targets(rules, owner);
    meet_glue(rules, owner);
    if (!result)
        result = remember(rules, owner);
    if (!result && complaints_exhausted(rules->options.complaints))
        result = RESULT_FORMAT;
    return result;
}

/* ---- the whole ----------------------------------------------------------------------------- */

enum result zone_rules_make(struct zone_rules **made, const struct zone_rules_options *options)
{
    struct zone_rules *rules = calloc(1, sizeof *rules);

    *made = NULL;
    if (!rules)
        return RESULT_SYSTEM;
    rules->options = *options;
    if (rules->options.records_per_set == 0)
        rules->options.records_per_set = 20000;
    if (rules->options.targets == 0)
        rules->options.targets = 65536;
    name_copy(&rules->zone, options->zone);
    if (targets_open(&rules->targets, rules->options.targets)) {
        zone_rules_free(rules);
        return RESULT_SYSTEM;
    }
    *made = rules;
    return RESULT_OK;
}

static void judge_targets(struct zone_rules *rules)
{
    struct target target;

    for (size_t at = 0; targets_next(&rules->targets, &at, &target);) {
        struct zone_set set = {.type = target.type, .file = target.file, .line = target.line};
        switch (targets_judge(&rules->targets, &target.name, &rules->zone)) {
        case TARGET_FINE:
            break;
        case TARGET_ALIAS:
            tell(rules, RULE_ALIAS, &target.name, &set);
            break;
        case TARGET_NOWHERE:
            tell(rules, RULE_NOWHERE, &target.name, &set);
            break;
        }
    }
}

enum result zone_rules_finish(struct zone_rules *rules)
{
    leave_cut(rules);
    judge_targets(rules);
    if (!rules->has_soa)
        tell(rules, RULE_NO_SOA, &rules->zone, NULL);
    if (!rules->has_ns)
        tell(rules, RULE_NO_NS, &rules->zone, NULL);
    tell_the_rest(rules);
    return rules->errors ? RESULT_FORMAT : RESULT_OK;
}

void zone_rules_free(struct zone_rules *rules)
{
    if (!rules)
        return;
    targets_close(&rules->targets);
    buffer_free(&rules->glue);
    free(rules);
}
