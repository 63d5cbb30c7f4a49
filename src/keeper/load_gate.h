/*
 * load_gate.h - what stands between reading a file and serving it: its digest, comparing it
 * with what is served, and the zone's hook. In the loader's thread.
 */
#ifndef KEEPER_LOAD_GATE_H
#define KEEPER_LOAD_GATE_H

#include "loader.h"

/*
 * Let the sorted records of a file pass, or hold them.
 *
 * Fills in end.look and end.hold with its text. A load that is forced passes, and what would have
 * held it is logged; one that is only shown passes as well.
 *
 * Returns RESULT_OK: go on; RESULT_REFUSED: held, or given up; RESULT_SYSTEM, RESULT_FORMAT.
 */
MUST_CHECK enum result load_gate(struct loader_thread *thread, struct gather *gather);

/* Before: verify the file's ZONEMD over all that it has. What is held for that passes here, and
 * load_gate has more to say of it. RESULT_SYSTEM, RESULT_FORMAT. */
MUST_CHECK enum result load_gate_digest(struct loader_thread *thread, struct gather *gather);

/* ---- the main thread's side of the hook -------------------------------------------------------
 */

/* Whether the thread waits for the hook; once for each time. `descriptor`: of the zone as text, the
 * caller's from now on. */
bool load_gate_asks(struct loader_thread *thread, int *descriptor);

/* How it ended. What the thread works on may be changed before, while it waits. */
void load_gate_answer(struct loader_thread *thread, enum hold_reason hold, const char *text);

#endif
