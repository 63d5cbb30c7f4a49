/* algorithm.h - what the rest of the floor must know of an algorithm. */
#ifndef TSIG_ALGORITHM_H
#define TSIG_ALGORITHM_H

#include "avow/tsig/tsig.h"

/* Its name on the wire, in lower case; NULL for a number that is none of ours. */
const struct name *tsig_algorithm_name(enum tsig_algorithm algorithm);

/* What OpenSSL calls the hash below it. Of one of ours only. */
const char *tsig_algorithm_digest(enum tsig_algorithm algorithm);

#endif
