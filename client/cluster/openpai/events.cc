#include "client/cluster/openpai/events.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <utility>

#include "client/cluster/openpai/read_json.h"

namespace rdev::cluster::openpai {
namespace {

// The number in `text` from `at`, `width` digits; -1 when there are other characters.
int digits(std::string_view text, std::size_t at, std::size_t width) {
  int number = 0;
  const std::string_view part = text.substr(std::min(at, text.size()), width);
  const auto [rest, error] = std::from_chars(part.data(), part.data() + part.size(), number);
  const bool all = part.size() == width && error == std::errc() && rest == part.data() + width;
  return all && number >= 0 ? number : -1;
}

// "2020-09-29T09:46:42.000Z", in UTC whatever stands behind the seconds; 0 when it is none.
std::int64_t unix_ms(std::string_view text) {
  using namespace std::chrono;
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (i >= text.size() || (kShape[i] != 'd' && text[i] != kShape[i])) {
      return 0;
    }
  }
  const year_month_day day(year(digits(text, 0, 4)),
                           month(static_cast<unsigned>(digits(text, 5, 2))),
                           std::chrono::day(static_cast<unsigned>(digits(text, 8, 2))));
  const int hour = digits(text, 11, 2);
  const int minute = digits(text, 14, 2);
  const int second = digits(text, 17, 2);
  if (!day.ok() || day.year() < year(0) || hour < 0 || minute < 0 || second < 0) {
    return 0;
  }
  const auto at = sys_days(day) + hours(hour) + minutes(minute) + seconds(second);
  const int fraction = text.substr(kShape.size()).starts_with('.') ? digits(text, 20, 3) : 0;
  return duration_cast<milliseconds>(at.time_since_epoch()).count() + std::max(fraction, 0);
}

std::int64_t time_in(const json::object& object, std::string_view name) {
  const std::string text = text_in(object, name);
  return text.empty() ? whole_in(object, name).value_or(0) : unix_ms(text);
}

Event read_event(const json::object& object) {
  return Event{.role = text_in(object, "taskroleName"),
               .index = int_in(object, "taskIndex").value_or(0),
               .pod = text_in(object, "podUid"),
               .warning = text_in(object, "type") == "Warning",
               .reason = text_in(object, "reason"),
               .message = text_in(object, "message"),
               .last_ms = time_in(object, "lastTimestamp"),
               .count = int_in(object, "count").value_or(1)};
}

}  // namespace

Result<std::vector<Event>> parse_events(std::string_view body) {
  const auto object = read_object(body, "list of events");
  if (!object) {
    return tl::make_unexpected(object.error());
  }
  const json::array* data = array_in(*object, "data");
  if (data == nullptr) {
    return fail(Code::kProtocol, "the server's list of events has no data");
  }
  std::multimap<std::int64_t, Event> by_time;  // of the same time: as they were put in
  for (const json::value& item : *data) {
    if (item.is_object()) {
      Event event = read_event(item.get_object());
      by_time.emplace(event.last_ms, std::move(event));
    }
  }
  std::vector<Event> events;
  for (auto& [last_ms, event] : by_time) {
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace rdev::cluster::openpai
