// Random lives of many streams over one link, each decided by a seed: `sim_mux --seeds 1..5000`.
// A seed that fails says how to replay it.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/sim/world.h"

namespace {

struct Range {
  std::uint64_t first = 1, last = 5000;
};

int usage() {
  std::fputs("usage: sim_mux [--seed N | --seeds FIRST..LAST]\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  Range range;
  if (argc == 3 && argv[1] == std::string_view("--seed")) {
    range.first = range.last = std::strtoull(argv[2], nullptr, 10);
  } else if (argc != 1 &&
             (argc != 3 || argv[1] != std::string_view("--seeds") ||
              std::sscanf(argv[2], "%" SCNu64 "..%" SCNu64, &range.first, &range.last) != 2)) {
    return usage();
  }
  int failed = 0;
  std::uint64_t steps = 0, bytes = 0, streams = 0;
  for (std::uint64_t seed = range.first; seed <= range.last && failed < 5; ++seed) {
    rdev::sim::World world(seed);
    if (const auto fault = world.run()) {
      std::printf("seed %" PRIu64 " failed after %" PRIu64
                  " steps: %s\n  replay: sim_mux --seed %" PRIu64 "\n",
                  seed, world.steps(), fault->c_str(), seed);
      ++failed;
    }
    steps += world.steps();
    bytes += world.bytes();
    streams += world.talks();
  }
  std::printf("%" PRIu64 " seeds, %" PRIu64 " streams, %" PRIu64 " bytes read, %" PRIu64
              " steps: %d failed\n",
              range.last - range.first + 1, streams, bytes, steps, failed);
  return failed == 0 ? 0 : 1;
}
