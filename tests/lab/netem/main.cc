// netem SETTING…: a link between this network namespace and a new one, as slow, narrow and
// unreliable as asked, for kernels without the module of that name. Two TUN devices "wan0"; packets
// wait here in between. Needs root. lab/netem.py gives the devices their addresses and is how tests
// use it.
//
//   rtt TIME              half of it each way: 50ms, 1s, 300us
//   rate RATE [up|down]   100mbit, 1gbit, 56kbit, 0: no limit; up is towards the job
//   queue TIME            what waits longer for the line is dropped (100ms)
//   loss PERCENT          each packet's chance, 0.1%
//   seed NUMBER           of that chance
//   large 1               TCP comes in pieces of up to 64 KiB, as to a real device: for a gigabit;
//                         what is lost is then lost by the piece (0)
//   cut SECONDS [up|down] nothing passes for so long, and what is on the way is gone; 0: it passes
//
//   killflows             every TCP connection of now is silently dead; new ones pass
//   rst                   both ends of every TCP connection get an RST
//   stat                  counters, as JSON
//
// Each line of stdin is one of these, too, and is answered with one line: "ok", JSON or "error: …".
// The first line of stdout is the path of the job's namespace. It ends with stdin.
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/lab/netem/direction.h"
#include "tests/lab/netem/fatal.h"
#include "tests/lab/netem/tun.h"

namespace rdev::netem {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

// "100mbit" by its units; nothing for what is no such value.
template <std::size_t size>
std::optional<double> value_of(const std::string& text, const Unit (&units)[size]) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || !std::isfinite(number) || number < 0) {
    return std::nullopt;
  }
  if (number == 0 && *end == '\0') {
    return 0;
  }
  for (const Unit& unit : units) {
    if (unit.name == end) {
      return number * unit.factor;
    }
  }
  return std::nullopt;
}

constexpr Unit kTimes[] = {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};
constexpr Unit kRates[] = {{"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}};
constexpr Unit kChances[] = {{"%", 0.01}};
constexpr Unit kPlain[] = {{"", 1}};

Clock::duration seconds(double value) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
}

class Link final {
 public:
  explicit Link(std::array<Direction, 2>& directions) : directions_(directions) {}

  // Obeys one line; what to answer.
  std::string command(const std::string& line) {
    std::istringstream in(line);
    std::string verb;
    std::string text;
    std::string which;
    in >> verb >> text >> which;
    if (!which.empty() && which != "up" && which != "down") {
      return "error: neither up nor down: " + line;
    }
    if (verb == "stat") {
      return statistics();
    }
    bool known = true;
    for (std::size_t i = 0; i < directions_.size(); ++i) {
      if (which.empty() || (which == "up") == (i == 0)) {
        known = known && obey(directions_[i], i, verb, text);
      }
    }
    return known ? "ok" : "error: not understood: " + line;
  }

 private:
  static bool obey(Direction& direction, std::size_t index, const std::string& verb,
                   const std::string& text) {
    auto& shape = direction.shape();
    const auto set = [](auto& target, const auto& value, auto convert) {
      if (value) {
        target = convert(*value);
      }
      return value.has_value();
    };
    const auto same = [](double value) { return value; };
    if (verb == "rtt") {
      return set(shape.delay, value_of(text, kTimes), [](double v) { return seconds(v / 2); });
    }
    if (verb == "rate") {
      return set(shape.bits_per_second, value_of(text, kRates), same);
    }
    if (verb == "queue") {
      return set(shape.queue, value_of(text, kTimes), seconds);
    }
    if (verb == "loss") {
      return set(shape.loss, value_of(text, kChances), same);
    }
    return act(direction, index, verb, value_of(text, kPlain));
  }

  static bool act(Direction& direction, std::size_t index, const std::string& verb,
                  const std::optional<double>& number) {
    if (verb == "seed" && number) {
      direction.seed(static_cast<std::uint64_t>(*number) * 2 + index);
    } else if (verb == "large" && number) {
      take_large_packets(direction.from(), *number != 0);
    } else if (verb == "cut" && number) {
      direction.cut(Clock::now() + seconds(*number));
    } else if (verb == "killflows") {
      direction.kill_flows();
    } else if (verb == "rst") {
      direction.reset_flows(Clock::now());
    } else {
      return false;
    }
    return true;
  }

  std::string statistics() const {
    std::ostringstream out;
    const char* name = "{\"up\":";
    for (const Direction& direction : directions_) {
      const Counters& c = direction.counters();
      const double mean =
          c.packets == 0 ? 0.0
                         : static_cast<double>(c.late_sum.count()) / static_cast<double>(c.packets);
      out << name << "{\"packets\":" << c.packets << ",\"bytes\":" << c.bytes
          << ",\"lost\":" << c.lost << ",\"queue_full\":" << c.queue_full << ",\"cut\":" << c.cut
          << ",\"dead\":" << c.dead << ",\"late_mean_us\":" << mean / 1e3
          << ",\"late_max_us\":" << static_cast<double>(c.latest.count()) / 1e3 << "}";
      name = ",\"down\":";
    }
    out << "}";
    return out.str();
  }

  std::array<Direction, 2>& directions_;
};

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

// Takes whole lines off the front of `input`.
void obey_lines(std::string& input, Link& link) {
  for (auto end = input.find('\n'); end != std::string::npos; end = input.find('\n')) {
    say(link.command(input.substr(0, end)));
    input.erase(0, end + 1);
  }
}

void run(std::array<Direction, 2>& directions, Link& link) {
  std::string input;
  while (true) {
    std::optional<Clock::time_point> next;
    for (Direction& direction : directions) {
      const auto due = direction.deliver();
      next = due && (!next || *due < *next) ? due : next;
    }
    timespec wait{};
    if (next) {
      const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(*next - Clock::now());
      const long long nanoseconds = std::max<long long>(left.count(), 0);
      wait = {.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000};
    }
    pollfd polled[] = {{directions[0].from(), POLLIN, 0},
                       {directions[1].from(), POLLIN, 0},
                       {STDIN_FILENO, POLLIN, 0}};
    if (::ppoll(polled, std::size(polled), next ? &wait : nullptr, nullptr) < 0 && errno != EINTR) {
      fatal("cannot wait", errno);
    }
    for (std::size_t i = 0; i < directions.size(); ++i) {
      if (polled[i].revents != 0) {
        directions[i].take();
      }
    }
    if (polled[2].revents != 0) {
      std::array<char, 4096> buffer;
      const ssize_t size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
      if (size <= 0) {
        return;
      }
      input.append(buffer.data(), static_cast<std::size_t>(size));
      obey_lines(input, link);
    }
  }
}

int main(int argc, char** argv) {
  // Its own lateness would be measured as the link's.
  ::prctl(PR_SET_TIMERSLACK, 1);
  ::setpriority(PRIO_PROCESS, 0, -20);
  const base::Fd job = make_namespace();
  const base::Fd here = open_tun(-1, "wan0");
  const base::Fd there = open_tun(job.get(), "wan0");
  std::array<Direction, 2> directions = {Direction(here.get(), there.get()),
                                         Direction(there.get(), here.get())};
  Link link(directions);
  for (int i = 1; i < argc; ++i) {
    const std::string answer = link.command(argv[i]);
    if (answer != "ok") {
      std::fprintf(stderr, "netem: %s\n", answer.c_str());
      return 2;
    }
  }
  say("/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(job.get()));
  run(directions, link);
  return 0;
}

}  // namespace
}  // namespace rdev::netem

int main(int argc, char** argv) { return rdev::netem::main(argc, argv); }
