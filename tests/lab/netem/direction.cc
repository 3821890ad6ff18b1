#include "tests/lab/netem/direction.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "tests/lab/netem/fatal.h"
#include "tests/lab/netem/tun.h"

namespace rdev::netem {
namespace {

// As the kernel's own queue; far more than the windows of a few connections.
constexpr std::size_t kMostPackets = 400'000;
constexpr int kAtOnce = 64;  // then the other direction has its turn

}  // namespace

void Direction::cut(Clock::time_point until) {
  cut_until_ = until;
  if (until > Clock::now()) {
    counters_.cut += packets_.size();
    packets_.clear();
    line_free_ = last_due_ = {};
  }
}

void Direction::reset_flows(Clock::time_point now) {
  for (const std::string& packet : flows_.resets()) {
    queue(std::string(kTunHead, '\0') + packet, now);
  }
}

void Direction::take() {
  std::array<char, kTunHead + 65536> buffer;
  for (int i = 0; i < kAtOnce; ++i) {
    const ssize_t size = ::read(from_, buffer.data(), buffer.size());
    if (size < 0) {
      if (errno == EAGAIN || errno == EIO) {  // EIO: the device is not up (yet)
        return;
      }
      fatal("cannot read from the device", errno);
    }
    const std::string_view packet(buffer.data(), static_cast<std::size_t>(size));
    if (packet.size() < kTunHead) {
      fatal("a packet without its head", EPROTO);
    }
    const auto now = Clock::now();
    if (cut_until_ > now) {
      ++counters_.cut;
    } else if (!flows_.pass(packet.substr(kTunHead))) {
      ++counters_.dead;
    } else if (shape_.loss > 0 &&
               std::uniform_real_distribution<double>(0, 1)(random_) < shape_.loss) {
      ++counters_.lost;
    } else {
      queue(std::string(packet), now);
    }
  }
}

void Direction::queue(std::string bytes, Clock::time_point now) {
  auto sent = now;
  if (shape_.bits_per_second > 0) {
    line_free_ = std::max(line_free_, now);
    if (line_free_ - now > shape_.queue) {
      ++counters_.queue_full;
      return;
    }
    const std::chrono::duration<double> on_the_line(static_cast<double>(size_on_the_line(bytes)) *
                                                    8 / shape_.bits_per_second);
    line_free_ += std::chrono::duration_cast<Clock::duration>(on_the_line);
    sent = line_free_;
  }
  if (packets_.size() >= kMostPackets) {
    ++counters_.queue_full;
    return;
  }
  last_due_ = std::max(last_due_, sent + shape_.delay);
  packets_.push_back({last_due_, std::move(bytes)});
}

std::optional<Clock::time_point> Direction::deliver() {
  for (int i = 0; i < kAtOnce && !packets_.empty(); ++i) {
    const Packet& packet = packets_.front();
    const auto late = Clock::now() - packet.due;
    if (late < Clock::duration::zero()) {
      break;
    }
    counters_.latest = std::max<std::chrono::nanoseconds>(counters_.latest, late);
    counters_.late_sum += late;
    ++counters_.packets;
    counters_.bytes += size_on_the_line(packet.bytes);
    if (::write(to_, packet.bytes.data(), packet.bytes.size()) < 0 && errno != EIO) {
      fatal("cannot write to the device", errno);
    }
    packets_.pop_front();
  }
  return packets_.empty() ? std::nullopt : std::optional(packets_.front().due);
}

}  // namespace rdev::netem
