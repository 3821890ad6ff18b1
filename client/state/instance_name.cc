#include "client/state/instance_name.h"

#include <charconv>
#include <utility>

#include "client/state/job_record.h"

namespace rdev::state {

std::optional<InstanceName> parse_instance_name(const std::string& name) {
  const std::size_t dot = name.find('.');
  InstanceName parsed{.job = name.substr(0, dot)};
  if (!valid_job_name(parsed.job)) {
    return std::nullopt;
  }
  if (dot == std::string::npos) {
    return parsed;
  }
  const std::string rank = name.substr(dot + 1);
  const auto [rest, error] = std::from_chars(rank.data(), rank.data() + rank.size(), parsed.rank);
  const bool is_plain = error == std::errc() && rank == std::to_string(parsed.rank);
  return is_plain && parsed.rank >= 0 && parsed.rank < kMostInstances
             ? std::optional(std::move(parsed))
             : std::nullopt;
}

std::string instance_name(const std::string& job, int rank) {
  return rank == 0 ? job : job + "." + std::to_string(rank);
}

bool valid_instance_name(const std::string& name) {
  const auto parsed = parse_instance_name(name);
  return parsed && instance_name(parsed->job, parsed->rank) == name;
}

}  // namespace rdev::state
