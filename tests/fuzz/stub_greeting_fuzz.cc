#include "client/cluster/openpai/push.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  (void)rdev::cluster::openpai::parse_greeting({reinterpret_cast<const char*>(data), size});
  return 0;
}
