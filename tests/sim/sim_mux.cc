// Random lives of many streams over one link, each decided by a seed: `sim_mux --seeds 1..5000`.
// A seed that fails says how to replay it.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/sim/world.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostFailures = 5;
constexpr std::chrono::seconds kProgress{10};

struct Options {
  std::uint64_t first = 1, last = 5000;
  unsigned jobs = 1;
  std::chrono::seconds time{0};  // no seed begins after it; 0: all of them
};

int usage() {
  std::fputs("usage: sim_mux [--seed N | --seeds FIRST..LAST] [--jobs THREADS] [--seconds LIMIT]\n",
             stderr);
  return 2;
}

bool parse(int argc, char** argv, Options& options) {
  bool good = argc % 2 == 1;
  for (int i = 1; good && i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    std::uint64_t number = 0;
    if (name == "--seeds") {
      good =
          std::sscanf(argv[i + 1], "%" SCNu64 "..%" SCNu64, &options.first, &options.last) == 2 &&
          options.first <= options.last;
      continue;
    }
    good = std::sscanf(argv[i + 1], "%" SCNu64, &number) == 1;
    if (name == "--seed") {
      options.first = options.last = number;
    } else if (name == "--jobs" && number > 0) {
      options.jobs = static_cast<unsigned>(number);
    } else if (name == "--seconds") {
      options.time = std::chrono::seconds(number);
    } else {
      good = false;
    }
  }
  return good;
}

const char* program;
thread_local std::uint64_t running;  // the seed

// One that breaks the program off says which it was, too.
void on_crash(int number) {
  char text[256];
  const int n = std::snprintf(text, sizeof text,
                              "seed %" PRIu64 " crashed\n  replay: %s --seed %" PRIu64 "\n",
                              running, program, running);
  (void)!::write(STDOUT_FILENO, text, static_cast<std::size_t>(n));
  ::signal(number, SIG_DFL);
  ::raise(number);
}

// The seeds, by as many threads as take part.
class Seeds final {
 public:
  explicit Seeds(const Options& options) : options_(options), next_(options.first) {}

  void work() {
    for (;;) {
      const std::uint64_t seed = next_++;
      if (seed > options_.last || failed_ >= kMostFailures || late()) {
        return;
      }
      running = seed;
      rdev::sim::World world(seed);
      const auto fault = world.run();
      const std::scoped_lock lock(mutex_);
      count(world);
      if (fault) {
        ++failed_;
        std::printf("seed %" PRIu64 " failed after %" PRIu64
                    " steps: %s\n  replay: %s --seed %" PRIu64 "\n",
                    seed, world.steps(), fault->c_str(), program, seed);
      }
    }
  }

  int result() const {
    std::printf("%" PRIu64 " seeds, %" PRIu64 " streams, %" PRIu64 " bytes read, %" PRIu64
                " steps: %d failed\n",
                seeds_, streams_, bytes_, steps_, failed_.load());
    return failed_ == 0 ? 0 : 1;
  }

 private:
  bool late() const { return options_.time.count() > 0 && Clock::now() - began_ > options_.time; }

  void count(const rdev::sim::World& world) {
    ++seeds_;
    streams_ += world.talks();
    bytes_ += world.bytes();
    steps_ += world.steps();
    if (const auto now = Clock::now(); now - told_ >= kProgress) {
      told_ = now;
      std::fprintf(stderr, "%" PRIu64 " of %" PRIu64 " seeds, %d failed\n", seeds_,
                   options_.last - options_.first + 1, failed_.load());
    }
  }

  const Options options_;
  const Clock::time_point began_ = Clock::now();
  std::atomic<std::uint64_t> next_;
  std::atomic<int> failed_ = 0;
  std::mutex mutex_;  // of what follows
  Clock::time_point told_ = began_;
  std::uint64_t seeds_ = 0, steps_ = 0, bytes_ = 0, streams_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    return usage();
  }
  program = argv[0];
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE}) {
    ::signal(number, on_crash);
  }
  Seeds seeds(options);
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < options.jobs; ++i) {
    threads.emplace_back([&seeds] { seeds.work(); });
  }
  seeds.work();
  threads.clear();
  return seeds.result();
}
