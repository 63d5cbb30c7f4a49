/* meta.h - what lies in the table "meta". Floor: store. */
#ifndef AVOW_STORE_META_H
#define AVOW_STORE_META_H

#include "avow/store/snapshot.h"

/* These two and the table's name never change, whatever the format: how one knows it. */
#define META_TABLE  "meta"
#define META_FORMAT "format"
#define META_SEED   "seed"

#define META_VERSIONS "versions"

/* The last version that was given out. RECORD_ABSENT: none was. */
MUST_CHECK enum found_record meta_last_version(struct snapshot *snapshot, uint32_t *version);

#endif
