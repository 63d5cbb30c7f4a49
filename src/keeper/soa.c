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

/* The day by the Gregorian calendar, counted in eras of 400 years that begin in March, so that the
 * day that is sometimes there comes last. */
uint32_t serial_of_day(uint64_t now)
{
    uint32_t days = (uint32_t)(now / 86400) + 719468, era = days / 146097;
    uint32_t day = days - era * 146097;
    uint32_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    uint32_t of_year = day - (365 * year + year / 4 - year / 100);
    uint32_t month = (5 * of_year + 2) / 153;
    uint32_t of_month = of_year - (153 * month + 2) / 5 + 1;

    year += era * 400 + (month >= 10);
    month = month < 10 ? month + 3 : month - 9;
    return year * 1000000 + month * 10000 + of_month * 100;
}
