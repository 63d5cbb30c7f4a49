/* soa.c - the numbers of a SOA record. */
#include "soa.h"

enum { SOA_NUMBERS_OCTETS = 20, SOA_LEAST_OCTETS = 22 };

enum result soa_read(const uint8_t *rdata, size_t length, struct soa *soa)
{
    if (length < SOA_LEAST_OCTETS)
        return RESULT_FORMAT;
    struct reader numbers = reader_over(rdata + length - SOA_NUMBERS_OCTETS, SOA_NUMBERS_OCTETS);
    soa->serial = reader_u32(&numbers);
    soa->refresh = reader_u32(&numbers);
    soa->retry = reader_u32(&numbers);
    soa->expire = reader_u32(&numbers);
    soa->minimum = reader_u32(&numbers);
    return reader_finish(&numbers);
}

void soa_set_serial(uint8_t *rdata, size_t length, uint32_t serial)
{
    struct writer place = writer_over(rdata + length - SOA_NUMBERS_OCTETS, 4);
    writer_u32(&place, serial);
}

int serial_is_after(uint32_t a, uint32_t b)
{
    return a != b && (uint32_t)(a - b) < 0x80000000U;
}

uint32_t serial_next(uint32_t served, uint32_t wanted)
{
    if (serial_is_after(wanted, served))
        return wanted;
    return served + 1 ? served + 1 : 1;
}
