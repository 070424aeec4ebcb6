// The functions of fmt that its library holds: compiled such that all of them are kept.
#define FMT_HEADER_ONLY 1
#include <fmt/format.h>
