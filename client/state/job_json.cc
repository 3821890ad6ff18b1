#include "client/state/job_json.h"

#include <array>
#include <boost/json.hpp>
#include <utility>

#include "client/state/instance_name.h"

namespace rdev::state {
namespace {

namespace json = boost::json;

constexpr std::array<std::pair<Stage, std::string_view>, 3> kStages = {{
    {Stage::kSubmitting, "submitting"},
    {Stage::kRunning, "running"},
    {Stage::kRemoving, "removing"},
}};

constexpr std::array<std::pair<std::string_view, std::string JobRecord::*>, 8> kTexts = {{
    {"name", &JobRecord::name},
    {"id", &JobRecord::id},
    {"cluster", &JobRecord::cluster},
    {"native", &JobRecord::native},
    {"image", &JobRecord::image},
    {"user", &JobRecord::user},
    {"host_public_key", &JobRecord::host_public_key},
    {"socket", &JobRecord::socket},
}};

constexpr std::array<std::pair<std::string_view, std::int64_t JobRecord::*>, 2> kTimes = {{
    {"created_unix_s", &JobRecord::created_unix_s},
    {"ends_unix_s", &JobRecord::ends_unix_s},
}};

constexpr std::array<std::pair<std::string_view, bool JobRecord::*>, 1> kFacts = {{
    {"shares_host_network", &JobRecord::shares_host_network},
}};

constexpr std::array<std::pair<std::string_view, std::vector<std::string> JobRecord::*>, 2> kLists =
    {{
        {"endpoints", &JobRecord::endpoints},
        {"instance_keys", &JobRecord::instance_keys},
    }};

tl::unexpected<Error> wrong(std::string_view member) {
  return fail(Code::kProtocol, "its member \"" + std::string(member) + "\" is missing or wrong");
}

Result<void> read_members(const json::object& object, JobRecord& record) {
  for (const auto& [name, member] : kTexts) {
    if (const json::value* value = object.if_contains(name); value != nullptr) {
      if (!value->is_string()) {
        return wrong(name);
      }
      record.*member = value->get_string().c_str();
    }
  }
  for (const auto& [name, member] : kTimes) {
    if (const json::value* value = object.if_contains(name); value != nullptr) {
      if (!value->is_int64()) {
        return wrong(name);
      }
      record.*member = value->get_int64();
    }
  }
  for (const auto& [name, member] : kFacts) {
    if (const json::value* value = object.if_contains(name); value != nullptr) {
      if (!value->is_bool()) {
        return wrong(name);
      }
      record.*member = value->get_bool();
    }
  }
  return {};
}

Result<void> read_lists(const json::object& object, JobRecord& record) {
  for (const auto& [name, member] : kLists) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr) {
      continue;
    }
    if (!value->is_array()) {
      return wrong(name);
    }
    for (const json::value& text : value->get_array()) {
      if (!text.is_string()) {
        return wrong(name);
      }
      (record.*member).emplace_back(text.get_string().c_str());
    }
  }
  return {};
}

Result<void> read_pin(const json::object& object, JobRecord& record) {
  const json::value* value = object.if_contains("pin");
  if (value == nullptr) {
    return {};
  }
  if (!value->is_object()) {
    return wrong("pin");
  }
  for (const auto& [name, text] : value->get_object()) {
    if (!text.is_string()) {
      return wrong("pin");
    }
    record.pin[name] = text.get_string().c_str();
  }
  return {};
}

Result<Stage> read_stage(const json::object& object) {
  const json::value* value = object.if_contains("stage");
  if (value != nullptr && value->is_string()) {
    for (const auto& [stage, name] : kStages) {
      if (std::string_view(value->get_string()) == name) {
        return stage;
      }
    }
  }
  return wrong("stage");
}

}  // namespace

std::string to_json(const JobRecord& record) {
  json::object object;
  for (const auto& [name, member] : kTexts) {
    object[name] = record.*member;
  }
  for (const auto& [name, member] : kTimes) {
    object[name] = record.*member;
  }
  for (const auto& [name, member] : kFacts) {
    object[name] = record.*member;
  }
  for (const auto& [stage, name] : kStages) {
    if (stage == record.stage) {
      object["stage"] = name;
    }
  }
  json::object& pin = object["pin"].emplace_object();
  for (const auto& [name, value] : record.pin) {
    pin[name] = value;
  }
  for (const auto& [name, member] : kLists) {
    object[name] = json::array((record.*member).begin(), (record.*member).end());
  }
  return json::serialize(object) + "\n";
}

Result<JobRecord> parse_job_record(std::string_view text) {
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (error) {
    return fail(Code::kProtocol, "it is not JSON: " + error.message());
  }
  if (!value.is_object()) {
    return fail(Code::kProtocol, "it is not a JSON object");
  }
  JobRecord record;
  if (auto read = read_members(value.get_object(), record); !read) {
    return tl::make_unexpected(read.error());
  }
  if (auto read = read_lists(value.get_object(), record); !read) {
    return tl::make_unexpected(read.error());
  }
  if (auto read = read_pin(value.get_object(), record); !read) {
    return tl::make_unexpected(read.error());
  }
  const auto stage = read_stage(value.get_object());
  if (!stage) {
    return tl::make_unexpected(stage.error());
  }
  record.stage = *stage;
  if (!valid_instance_name(record.name)) {
    return wrong("name");
  }
  if (record.id.empty() || record.cluster.empty()) {
    return wrong(record.id.empty() ? "id" : "cluster");
  }
  return record;
}

}  // namespace rdev::state
