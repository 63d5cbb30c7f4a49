/*
 * lookup.h - what kind of place a name is in a version of a zone, in one descent when it exists.
 *
 * RFC 1034 section 4.3.2, RFC 4592 sections 2 and 3.3, RFC 6672 section 3.2. Floor: store. Pure
 * but for reading the snapshot.
 */
#ifndef AVOW_STORE_LOOKUP_H
#define AVOW_STORE_LOOKUP_H

#include "avow/store/node.h"
#include "avow/store/snapshot.h"

enum place {
    PLACE_CORRUPT,   /* damaged record, or records that contradict each other: SERVFAIL */
    PLACE_EXACT,     /* the name owns RRsets; it may be a cut or a DNAME owner itself: see flags */
    PLACE_EMPTY,     /* an empty non-terminal */
    PLACE_CUT_ABOVE, /* below a zone cut: a referral, whether a record exists there or not */
    PLACE_DNAME_ABOVE, /* below a DNAME owner, likewise */
    PLACE_WILDCARD,    /* no such name; `*.` before the closest encloser exists */
    PLACE_ABSENT       /* no such name, no wildcard */
};

/* What is filled: see each member. Views live as long as the snapshot is held. */
struct lookup {
    enum place place;
    /* EXACT, EMPTY: the name's node. WILDCARD: the wildcard's node, which may be empty
     * (NODE_EMPTY: RFC 4592 section 2.2.2), a cut or a DNAME owner: see its flags. CUT_ABOVE,
     * DNAME_ABOVE: the cut's or DNAME owner's node. */
    struct node_view node;
    /* WILDCARD, ABSENT: the closest encloser, with the NSEC3 hashes of its own name and of `*.`
     * before it. EXACT, EMPTY: same as node. */
    struct node_view encloser;
    /* Labels of encloser's name; for CUT_ABOVE and DNAME_ABOVE of the cut's or owner's. The
     * next closer name is name_suffix(name, encloser_labels + 1). */
    unsigned encloser_labels;
};

/*
 * Find a name.
 *
 * version  Of the zone (struct zone.version).
 * name     At or below the zone's apex, any case.
 *
 * A cut itself is EXACT with NODE_CUT: the caller sends a referral unless the type is one that the
 * parent side answers (DS). Never "absent" because of damage: that is PLACE_CORRUPT. But absence
 * found here is no proof in a signed zone: see chain.h.
 */
void lookup_name(struct snapshot *snapshot, uint32_t version, const struct name *name,
                 struct lookup *lookup);

/* One node by its exact name; RECORD_ABSENT proves nothing. */
MUST_CHECK enum found_record lookup_node(struct snapshot *snapshot, uint32_t version,
                                         const struct name *name, struct node_view *node);

/*
 * Walk a version in canonical order, for transfers, exports and signing, in slices: resumable by
 * name, so that no snapshot is held over a slice.
 *
 * from   First name to visit, or the name behind which to go on with WALK_BEHIND.
 * node   Receives the node. RECORD_ABSENT at the end of the version.
 */
enum walk {
    WALK_FROM,
    WALK_BEHIND,
    WALK_NEXT /* from where the last call stood, nothing looked up in between; from unused */
};
MUST_CHECK enum found_record lookup_walk(struct snapshot *snapshot, uint32_t version,
                                         enum walk walk, const struct name *from,
                                         struct node_view *node);

#endif
