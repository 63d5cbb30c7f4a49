/* row.h - how an RRset lies in a record: the shapes, shared by what reads and what composes. */
#ifndef AVOW_SRC_STORE_ROW_H
#define AVOW_SRC_STORE_ROW_H

enum row_shape {
    ROW_NARROW, /* type, shape, ttl, then lengths of 16 bits (signature count: 8) and both runs */
    ROW_WIDE,   /* the same with 32 bits (signature count: 16) */
    ROW_APART   /* type, shape and ttl only: the RRset is in a record of its own */
};

enum { ROW_HEAD_OCTETS = 7, ROW_NARROW_OCTETS = ROW_HEAD_OCTETS + 9, NODE_HEAD_OCTETS = 5 };

#endif
