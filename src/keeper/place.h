/*
 * place.h - what kind of place a name is, and what follows: which RRsets are signed, which types a
 * denial lists.
 */
#ifndef KEEPER_PLACE_H
#define KEEPER_PLACE_H

#include "stage.h"

enum { PLACE_EXTRA_TYPES = 2 /* RRSIG and NSEC, in a bitmap */ };

/* Whether an RRset is to be signed: nothing that is hidden, and at a cut only what the parent is
 * authoritative for (RFC 4035 section 2.2). */
bool place_signs(uint16_t flags, uint16_t type);

/*
 * Make of an owner's types those of its NSEC or NSEC3 bitmap, in place.
 *
 * types  Ascending, NSEC and RRSIG not among them; with room for PLACE_EXTRA_TYPES more.
 * nsec   The owner has an NSEC record.
 *
 * Returns how many there are. Beside NS at a cut only DS belongs to the parent's side (RFC 4034
 * section 4.1.2).
 */
size_t place_bitmap(uint16_t flags, bool nsec, uint16_t *types, size_t count);

/*
 * Find out for every name whose data changed what place it will be, and for every name whose place
 * changes with it: empty non-terminals above, flags of the parents, all that a cut or DNAME hides
 * or no longer hides. Each name is settled once, from the data that the zone will have. Failures
 * are the stage's; RESULT_FULL when more than a bearable number of names would be hidden or come
 * to light.
 */
void place_settle(struct stage *stage);

/* Whether a name is seen: it will be there, or was, and nothing hides it. */
static inline bool place_is_seen(bool there, uint16_t flags)
{
    return there && !(flags & NODE_BELOW);
}

#endif
