#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace rdev::cluster::openpai {

// An event of Kubernetes about one task.
struct Event {
  std::string role;
  int index = 0;
  std::string pod;       // UID: another one for each attempt
  bool warning = false;  // else "Normal"
  std::string reason;    // "FailedScheduling", "Pulling" …
  std::string message;
  std::int64_t last_ms = 0;  // Unix time it was seen last; 0 when not said
  int count = 1;
};

// Of GET …/events, oldest first (by `last_ms`, then as in the answer).
Result<std::vector<Event>> parse_events(std::string_view body);

// Why a job that has been submitted does not run yet.
struct Waiting {
  enum class Kind {
    kNoQuota,    // the virtual cluster is used up
    kNoNode,     // no node has what is asked for
    kPulling,    // the image is being pulled
    kPullFails,  // it cannot be pulled
    kStarting,   // the container is being made
    kOther,
  };
  Kind kind = Kind::kOther;
  std::string sentence;   // one line of plain text, at most 300 bytes, no full stop
  bool hopeless = false;  // waiting longer does not help: no such image, no access to it
};

// What the newest event of each task says; the worst of them when there are several tasks: hopeless
// before failing before waiting. nullopt when no event tells anything.
std::optional<Waiting> waiting_reason(const std::vector<Event>& events);

}  // namespace rdev::cluster::openpai
