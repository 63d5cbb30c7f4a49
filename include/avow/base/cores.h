/*
 * cores.h - how many processor cores there are for us. Floor: base.
 */
#ifndef AVOW_BASE_CORES_H
#define AVOW_BASE_CORES_H

/* Those that the process may run on; 1 when that cannot be found out. */
unsigned cores_usable(void);

#endif
