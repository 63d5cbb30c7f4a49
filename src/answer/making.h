/*
 * making.h - one answer while it is being made; what the files of this floor share.
 *
 * Everything lies in one struct on the stack of answer_query. What is required and does not fit
 * sets `truncated`, what is damaged sets `corrupt`, what is unsigned is noted in the outcome: the
 * makers go on, and finish.c decides once, at the end, what becomes of it.
 */
#ifndef AVOW_SRC_ANSWER_MAKING_H
#define AVOW_SRC_ANSWER_MAKING_H

#include "avow/answer/answer.h"
#include "avow/store/chain.h"
#include "avow/store/lookup.h"
#include "avow/wire/builder.h"

#include "kept.h"

/* For what is written before it is read on the path of every query: see wire's labels.h. */
#define LEFT_UNSET __attribute__((uninitialized))

enum { MAKING_PROOFS = ANSWER_CHAIN + 6 };

/* An NSEC or NSEC3 record that goes into the authority section, once. */
struct proof {
    const struct served_zone *zone;
    const uint8_t
        *key; /* of NSEC: the owner's node's key; of NSEC3: the owner's hash; in the map */
    uint16_t key_length;
    struct rrset_view rrset;
};

struct making {
    const struct answerer *answerer;
    const struct query *query;
    const struct answer_facts *facts;
    struct outcome *outcome;
    const struct served_zone *zone; /* of `name` */
    uint64_t now;
    uint64_t expires;   /* the earliest end of a signature that was used */
    uint64_t name_hash; /* of the question's name in lower case */
    uint16_t type;
    uint16_t rcode;
    uint16_t extended_error;
    uint16_t opt_octets; /* kept for the OPT, an extended error not counted */
    size_t limit;        /* octets for all but the OPT */
    bool prove;          /* the zone is signed: nothing is denied without a proof */
    bool sign;           /* and the signatures are wanted in the answer */
    bool authoritative;
    bool truncated;     /* something that is required does not fit: nothing is kept */
    bool glue_left_out; /* required glue does not fit: what does is kept */
    bool corrupt;
    bool several_zones;
    uint8_t links; /* CNAMEs and DNAMEs followed */
    uint8_t proof_count;
    uint8_t proofs_put;        /* of these, in the message already */
    uint8_t provable_labels;   /* of the closest provable encloser (RFC 5155 section 7.2.1) */
    const struct piece *piece; /* in the message; NULL: none */
    uint8_t dname_count;
    struct edns_reply reply; /* when the query has an OPT */
    struct lookup place;     /* of `name` */
    struct name lowered;     /* the question's name in lower case */
    struct name name;        /* the question's, later what it leads to */
    struct builder builder;
    struct builder_mark start;           /* behind the question */
    uint64_t visited[ANSWER_CHAIN];      /* hashes of the names that links began at */
    const uint8_t *dnames[ANSWER_CHAIN]; /* keys of the DNAMEs that are in the answer */
    struct proof proofs[MAKING_PROOFS];
};

/* Whether there is another name to look up: a chain was entered. */
enum step { STEP_DONE, STEP_AGAIN };

/* ---- answer.c ------------------------------------------------------------------------------- */

/* The zone that answers for (name, type); NULL when none is served. */
const struct served_zone *answer_zone_of(const struct answerer *answerer, const struct name *name,
                                         uint16_t type);
void making_enter(struct making *making, const struct served_zone *zone);

/* Keyed hash of a name, whatever its case. */
uint64_t making_hash(const struct making *making, const struct name *name);

/* ---- sets.c: RRsets and their signatures ---------------------------------------------------- */

/*
 * Put an RRset and, when the answer is to be signed, its signatures.
 *
 * owner  As it appears; `node` is where it is stored, which differs for wildcards.
 * Damage and want of room are noted.
 */
void making_put(struct making *making, enum section section, const struct name *owner,
                const struct node_view *node, const struct rrset_view *rrset);

/* The same for an RRset that has no signatures: NS at a cut, glue, what was synthesised. False
 * when it does not fit. */
bool making_put_unsigned(struct making *making, enum section section, const struct name *owner,
                         const struct rrset_view *rrset);

/* The signatures of an RRset alone, as data: QTYPE RRSIG. */
void making_put_rrsigs(struct making *making, const struct name *owner,
                       const struct node_view *node, const struct rrset_view *rrset);

/* What is in proofs and not yet in the message, into the authority section. */
void making_put_proofs(struct making *making);

/* ---- the four ways to answer ---------------------------------------------------------------- */

/* positive.c: the node has something (exact or by wildcard). */
enum step positive_answer(struct making *making);

/* chase.c */
enum step chase_cname(struct making *making, const struct rrset_view *cname);
enum step chase_dname(struct making *making);
bool chase_follows(uint16_t type); /* CNAME does not answer this type itself */

/* referral.c: place.node is a cut, at or above the name, or a wildcard that has NS. */
void referral_answer(struct making *making);

/* negative.c: nothing there, in different ways. */
void negative_no_data(struct making *making); /* exact or empty non-terminal */
void negative_wildcard_no_data(struct making *making);
void negative_name(struct making *making); /* NXDOMAIN */

/* ---- proof.c -------------------------------------------------------------------------------- */

/* Prove that place.node has no such type (for a cut: no DS). */
void proof_no_type(struct making *making, uint16_t type);
/* ... that the name itself does not exist, so that the wildcard applies. */
void proof_expanded(struct making *making);
/* ... that the name does not exist and the wildcard that does has no such type. */
void proof_wildcard_no_type(struct making *making, uint16_t type);
/*
 * ... that neither the name nor a wildcard for it exists: first what is the same for all names
 * below the encloser (of NSEC3 only), then what is the name's own. Returns whether the first part
 * may be kept as a piece.
 */
bool proof_no_name_shared(struct making *making);
void proof_no_name_own(struct making *making);

/* ---- finish.c ------------------------------------------------------------------------------- */

/* Begin the message: the question is copied, room for the OPT is kept; records can be put only
 * after finish_open. */
void finish_begin(struct making *making, uint8_t *out, size_t size);
void finish_open(struct making *making);
/* Nothing but an error: whatever was put is taken back. */
void finish_error(struct making *making, uint16_t rcode, uint16_t extended_error);
/* Close it: flags, counts, OPT; or WANTED. */
void finish_end(struct making *making);

/* ---- chaos.c -------------------------------------------------------------------------------- */

void chaos_answer(struct making *making);

#endif
