/* meta.h - what lies in the table "meta". Floor: store. */
#ifndef AVOW_STORE_META_H
#define AVOW_STORE_META_H

/* These two and the table's name never change, whatever the format: how one knows it. */
#define META_TABLE  "meta"
#define META_FORMAT "format"
#define META_SEED   "seed"

#endif
