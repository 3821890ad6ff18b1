#include "client/commands/link_report.h"

#include <chrono>
#include <cstdio>

#include "client/link/attach.h"
#include "client/tunnels/holder.h"
#include "client/ui/units.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

const char* state_text(const LinkReport& report) {
  if (!report.link) {
    return report.problem.empty() ? "none" : "waiting";
  }
  switch (report.link->state()) {
    case LinkStatus::UP:
      return report.link->doubted_unix_ms() == 0 ? "up" : "suspect";
    case LinkStatus::WAITING:
      return "waiting";
    default:
      return "dialling";
  }
}

// Why it is not up, or may not be.
std::string reason(const LinkReport& report) {
  if (!report.link) {
    return report.problem;
  }
  return report.link->doubt().empty() ? report.link->reason() : report.link->doubt();
}

// Since when it is what it is.
std::int64_t since_unix_ms(const LinkStatus& link) {
  return link.doubted_unix_ms() == 0 ? link.since_unix_ms() : link.doubted_unix_ms();
}

double milliseconds(std::uint64_t us) { return static_cast<double>(us) / 1000; }

std::int64_t age_ms(std::int64_t unix_ms) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
             .count() -
         unix_ms;
}

std::string for_how_long(const LinkStatus& link) {
  const std::chrono::milliseconds age(age_ms(since_unix_ms(link)));
  return " for " + ui::format_age(std::chrono::duration_cast<std::chrono::seconds>(age));
}

json::value heartbeat(const LinkStatus& link) {
  if (!link.has_vitals()) {
    return nullptr;
  }
  const Vitals& vitals = link.vitals();
  json::object beat = {
      {"time_unix_ms", vitals.time_unix_ms()},
      {"load", vitals.load()},
      {"memory_used", vitals.memory_used()},
      {"memory_limit", vitals.memory_limit()},
      {"uptime_s", vitals.uptime_s()},
      {"remaining_s", nullptr},
      {"age_ms", age_ms(link.heartbeat_unix_ms())},
  };
  if (vitals.has_remaining_s()) {
    beat["remaining_s"] = vitals.remaining_s();
  }
  return beat;
}

std::string in_gib(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GiB", static_cast<double>(bytes) / (1U << 30U));
  return text;
}

std::string load_text(const Vitals& vitals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", vitals.load());
  return text + (", memory " + in_gib(vitals.memory_used())) +
         (vitals.memory_limit() == 0 ? "" : " of " + in_gib(vitals.memory_limit()));
}

}  // namespace

awaitable<LinkReport> ask_link(const state::Paths& paths, std::string job) {
  LinkReport report;
  auto asked = co_await link_process::ask_status(paths, job);
  if (asked) {
    report.link = std::move(*asked);
  } else {
    report.problem = asked.error().message;
  }
  HolderRequest request;
  request.set_list(true);
  const auto reply = co_await tunnels::ask(paths, job, request, tunnels::Start::kNo);
  if (reply) {
    report.tunnels = reply->tunnels_size();
  } else if (report.problem.empty()) {
    report.problem = reply.error().message;
  }
  co_return report;
}

std::string link_text(const LinkReport& report) { return state_text(report); }

void add_to(json::object& object, const LinkReport& report) {
  const auto& link = report.link;
  object["link_pid"] = nullptr;
  object["link_state"] = state_text(report);
  object["link_reason"] = reason(report);
  object["link_since_unix_ms"] = nullptr;
  object["link_connections"] = nullptr;
  object["rtt_ms"] = nullptr;
  object["tunnels"] = report.tunnels;
  object["heartbeat"] = nullptr;
  if (link) {
    object["link_pid"] = link->pid();
    object["link_since_unix_ms"] = since_unix_ms(*link);
    object["link_connections"] = link->connections();
    object["heartbeat"] = heartbeat(*link);
    if (link->has_rtt_us()) {
      object["rtt_ms"] = milliseconds(link->rtt_us());
    }
  }
}

void add_to(std::vector<std::vector<std::string>>& lines, const LinkReport& report) {
  const auto& link = report.link;
  const std::string why = reason(report);
  std::string text = state_text(report) + (link ? for_how_long(*link) : "");
  if (link && link->has_rtt_us()) {
    char round_trip[32];
    std::snprintf(round_trip, sizeof round_trip, ", round trip %.1f ms",
                  milliseconds(link->rtt_us()));
    text += round_trip;
  }
  lines.push_back({"link", text + (why.empty() ? "" : " (" + why + ")")});
  if (report.tunnels > 0) {
    lines.push_back({"tunnels", std::to_string(report.tunnels)});
  }
  if (link && link->has_vitals()) {
    lines.push_back({"load", load_text(link->vitals())});
  }
}

}  // namespace rdev::commands
