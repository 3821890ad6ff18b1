// What the events of Kubernetes mean for a job that waits: waiting_reason() of events.h.
#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <utility>

#include "client/cluster/openpai/events.h"
#include "client/cluster/openpai/no_node.h"
#include "client/cluster/openpai/read_json.h"

namespace rdev::cluster::openpai {
namespace {

using Kind = Waiting::Kind;
using NewestFirst = std::span<const Event* const>;  // of one pod

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What a registry, docker or containerd says when a pull fails.
struct PullFault {
  std::string_view part;
  std::string_view why;
  bool hopeless;
};
constexpr std::array<PullFault, 19> kPullFaults = {{
    {"toomanyrequests", "the registry takes no more pulls for now", false},
    {"manifest unknown", "it does not exist in its registry", true},
    {"name unknown", "it does not exist in its registry", true},
    {"may require", "it does not exist in its registry, or is not for everybody", true},
    {"repository does not exist", "it does not exist in its registry", true},
    {"401 Unauthorized", "its registry wants a login", true},
    {"unauthorized", "its registry wants a login", true},
    {"authentication required", "its registry wants a login", true},
    {"authorization failed", "its registry wants a login", true},
    {"no basic auth credentials", "its registry wants a login", true},
    {"access denied", "its registry does not give it to this cluster", true},
    {"resource is denied", "its registry does not give it to this cluster", true},
    {"403 Forbidden", "its registry does not give it to this cluster", true},
    {"no matching manifest", "it is not made for the nodes' kind of machine", true},
    {"InvalidImageName", "its name is not one of an image", true},
    {"invalid reference format", "its name is not one of an image", true},
    {"no space left on device", "the node's disk is full", false},
    {"no such host", "the node cannot reach its registry", false},
    {"timeout", "the node cannot reach its registry in time", false},
}};

// Where a 404 of the registry is not in words of kPullFaults: "docker.io/x/y:z: not found".
bool says_not_found(std::string_view text) {
  return contains(text, ": not found") || contains(text, " not found: ");
}

bool is_pull_fault(const Event& event) {
  if (event.reason == "Failed") {
    return contains(event.message, "pull") || contains(event.message, "ErrImage") ||
           contains(event.message, "Pull") || contains(event.message, "InvalidImageName");
  }
  return event.reason == "ErrImagePull" || event.reason == "ImagePullBackOff" ||
         event.reason == "InspectFailed" || event.reason == "ErrImageNeverPull" ||
         (event.reason == "BackOff" && contains(event.message, "pulling image"));
}

// What stands in the first pair of double quotes.
std::string quoted(std::string_view message) {
  const std::size_t first = message.find('"');
  const std::size_t second = first == std::string_view::npos ? first : message.find('"', first + 1);
  return second == std::string_view::npos
             ? ""
             : plain(message.substr(first + 1, second - first - 1), 120);
}

std::string image_of(NewestFirst newest_first) {
  for (const Event* event : newest_first) {
    const bool names = is_pull_fault(*event) || event->reason == "Pulling";
    if (const std::string image = names ? quoted(event->message) : ""; !image.empty()) {
      return " " + image;
    }
  }
  return "";
}

// The newest event only says "Back-off pulling image"; an older one of the same pod says why.
Waiting pull_fails(NewestFirst newest_first) {
  Waiting waiting{.kind = Kind::kPullFails,
                  .sentence = "the image" + image_of(newest_first) + " cannot be pulled"};
  for (const Event* event : newest_first) {
    if (!is_pull_fault(*event)) {
      continue;
    }
    const auto* fault =
        std::find_if(kPullFaults.begin(), kPullFaults.end(),
                     [&](const PullFault& row) { return contains(event->message, row.part); });
    if (fault != kPullFaults.end()) {
      waiting.sentence += ": " + std::string(fault->why);
      waiting.hopeless = fault->hopeless;
    } else if (says_not_found(event->message)) {
      waiting.sentence += ": it does not exist in its registry";
      waiting.hopeless = true;
    } else {
      continue;
    }
    waiting.sentence +=
        waiting.hopeless ? "; choose another with --image" : "; the cluster tries again";
    return waiting;
  }
  waiting.sentence += "; the cluster tries again";
  return waiting;
}

Waiting not_placed(const std::string& message) {
  const bool quota = contains(message, "exceeded quota") || contains(message, " in the VC") ||
                     contains(message, " in VC ") || contains(message, "preemptible");
  if (quota) {
    return {.kind = Kind::kNoQuota,
            .sentence = "the virtual cluster has nothing free that fits now (" +
                        plain(message, 120) + "); wait, ask for less, or choose another with --vc"};
  }
  return {.kind = Kind::kNoNode, .sentence = no_node_sentence(message)};
}

// nullopt for an event that says nothing on why a job waits.
std::optional<Waiting> meaning(NewestFirst newest_first) {
  const Event& event = *newest_first.front();
  if (is_pull_fault(event)) {
    return pull_fails(newest_first);
  }
  if (event.reason == "FailedScheduling" || event.reason == "FailedCreate") {
    return not_placed(event.message);
  }
  if (event.reason == "Pulling") {
    return Waiting{.kind = Kind::kPulling,
                   .sentence = "a node is pulling the image" + image_of(newest_first)};
  }
  constexpr std::array<std::string_view, 4> kStarting = {"Scheduled", "Pulled", "Created",
                                                         "Started"};
  if (std::find(kStarting.begin(), kStarting.end(), event.reason) != kStarting.end()) {
    return Waiting{.kind = Kind::kStarting, .sentence = "its container is being made"};
  }
  if (event.warning && !event.message.empty()) {
    return Waiting{.kind = Kind::kOther,
                   .sentence = "Kubernetes says: " + plain(event.message, 200)};
  }
  return std::nullopt;
}

int badness(const Waiting& waiting) {
  if (waiting.hopeless) {
    return 100;
  }
  switch (waiting.kind) {
    case Kind::kPullFails:
      return 5;
    case Kind::kNoQuota:
    case Kind::kNoNode:
      return 4;
    case Kind::kOther:
      return 3;
    case Kind::kPulling:
      return 2;
    case Kind::kStarting:
      return 1;
  }
  return 0;
}

}  // namespace

std::optional<Waiting> waiting_reason(const std::vector<Event>& events) {
  std::map<std::pair<std::string, int>, std::vector<const Event*>> tasks;
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    auto& newest_first = tasks[{event->role, event->index}];
    // Events of an earlier attempt of the task are about a pod that is gone.
    if (newest_first.empty() || newest_first.front()->pod == event->pod) {
      newest_first.push_back(&*event);
    }
  }
  std::optional<Waiting> worst;
  for (const auto& [task, newest_first] : tasks) {
    std::optional<Waiting> found;
    for (NewestFirst rest = newest_first; !found && !rest.empty(); rest = rest.subspan(1)) {
      found = meaning(rest);
    }
    if (found && (!worst || badness(*found) > badness(*worst))) {
      worst = std::move(found);
    }
  }
  return worst;
}

}  // namespace rdev::cluster::openpai
