#include "client/cluster/openpai/schema.h"

#include "client/cluster/openpai/report.h"

namespace rdev::cluster::openpai {

namespace json = boost::json;

namespace {

using enum Report::Need;
using enum Report::Others;

// The functions below follow the server's schema from the leaves to the whole;
// tests/unit/client/cluster/openpai/schema_test.cc compares their verdicts with that of the
// schema's own file.

void text(Report& report, const Path& path, const json::value& value) { report.text(path, value); }
void integer(Report& report, const Path& path, const json::value& value) {
  report.whole_number(path, value);
}
void anything(Report&, const Path&, const json::value&) {}
void texts(Report& report, const Path& path, const json::value& value) {
  report.list(path, value, text);
}
void some_texts(Report& report, const Path& path, const json::value& value) {
  report.list(path, value, text, 1);
}
void free_mapping(Report& report, const Path& path, const json::value& value) {
  report.mapping(path, value, {}, kFree);
}

void protocol_version(Report& report, const Path& path, const json::value& value) {
  if (value != 2 && value != "2") {
    report.add(path, "must be 2, not " + shown(value));
  }
}

void name(Report& report, const Path& path, const json::value& value) {
  if (!report.text(path, value)) {
    return;
  }
  const std::string_view text = value.get_string();
  constexpr std::size_t kLongest = 255;
  if (text.empty() || text.size() > kLongest ||
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") !=
          std::string_view::npos) {
    report.add(path,
               "must be a name of letters, digits, _ and -, at most 255, not " + shown(value));
  }
}

void version(Report& report, const Path& path, const json::value& value) {
  if (!value.is_string() && !value.is_number()) {
    report.add(path, "must be text or a number, not " + shown(value));
  }
}

void auth(Report& report, const Path& path, const json::value& value) {
  report.mapping(path, value, {{"username", text}, {"password", text}, {"registryuri", text}},
                 kFree);
}

void prerequisite(Report& report, const Path& path, const json::value& value) {
  const json::object* object = value.if_object();
  const json::value* type = object == nullptr ? nullptr : object->if_contains("type");
  if (type != nullptr && *type == "dockerimage") {
    report.mapping(path, value,
                   {{"protocolVersion", protocol_version},
                    {"name", name, kRequired},
                    {"type", anything},
                    {"version", version},
                    {"contributor", text},
                    {"description", text},
                    {"auth", auth},
                    {"uri", text, kRequired}},
                   kRefused);
    return;
  }
  report.mapping(path, value,
                 {{"protocolVersion", protocol_version},
                  {"name", name, kRequired},
                  {"type",
                   [](Report& report, const Path& path, const json::value& value) {
                     report.one_of(path, value, {"dockerimage", "data", "script", "output"});
                   },
                   kRequired},
                  {"version", version},
                  {"contributor", text},
                  {"description", text},
                  {"plugin", text},
                  {"require", texts},
                  {"uri", type != nullptr && *type == "data" ? texts : text}},
                 kFree);
}

void completion(Report& report, const Path& path, const json::value& value) {
  const auto integer_or_null = [](Report& report, const Path& path, const json::value& value) {
    if (!value.is_null()) {
      report.whole_number(path, value);
    }
  };
  report.mapping(
      path, value,
      {{"minFailedInstances", integer_or_null}, {"minSucceededInstances", integer_or_null}},
      kRefused);
}

void container_options(Report& report, const Path& path, const json::value& value) {
  report.mapping(path, value,
                 {{"shmMB", integer},
                  // The schema has this one key where it meant to refuse all unknown ones.
                  {"additionalProperties",
                   [](Report& report, const Path& path, const json::value&) {
                     report.add(path, "unknown key", Problem::At::kKey);
                   }}},
                 kFree);
}

void resources(Report& report, const Path& path, const json::value& value) {
  report.mapping(path, value,
                 {{"cpu", integer, kRequired},
                  {"memoryMB", integer, kRequired},
                  {"gpu", integer, kRequired},
                  {"ports", [](Report& report, const Path& path,
                               const json::value& value) { report.named(path, value, integer); }}},
                 kRefused);
}

void role(Report& report, const Path& path, const json::value& value) {
  report.mapping(
      path, value,
      {{"protocolVersion", protocol_version},
       {"instances", [](Report& report, const Path& path,
                        const json::value& value) { report.whole_number(path, value, 1); }},
       {"completion", completion},
       {"taskRetryCount", integer},
       {"prerequisites", texts},
       {"dockerImage", text, kRequired},
       {"data", text},
       {"output", text},
       {"script", text},
       {"extraContainerOptions", container_options},
       {"resourcePerInstance", resources, kRequired},
       {"commands", some_texts, kRequired}},
      kRefused);
}

void deployed_role(Report& report, const Path& path, const json::value& value) {
  report.mapping(path, value, {{"preCommands", some_texts}, {"postCommands", some_texts}},
                 kRefused);
}

void deployment(Report& report, const Path& path, const json::value& value) {
  report.mapping(path, value,
                 {{"protocolVersion", protocol_version},
                  {"name", name, kRequired},
                  {"taskRoles",
                   [](Report& report, const Path& path, const json::value& value) {
                     report.named(path, value, deployed_role);
                   },
                   kRequired}},
                 kFree);
}

void job(Report& report, const Path& path, const json::value& value) {
  report.mapping(
      path, value,
      {{"protocolVersion", protocol_version, kRequired},
       {"name", name, kRequired},
       {"type",
        [](Report& report, const Path& path, const json::value& value) {
          report.one_of(path, value, {"job"});
        },
        kRequired},
       {"version", version},
       {"contributor", text},
       {"description", text},
       {"prerequisites",
        [](Report& report, const Path& path, const json::value& value) {
          report.list(path, value, prerequisite, 1);
        }},
       {"parameters", free_mapping},
       {"secrets", free_mapping},
       {"jobRetryCount", [](Report& report, const Path& path,
                            const json::value& value) { report.whole_number(path, value, 0); }},
       {"taskRoles",
        [](Report& report, const Path& path, const json::value& value) {
          report.named(path, value, role);
        },
        kRequired},
       {"deployments", [](Report& report, const Path& path,
                          const json::value& value) { report.list(path, value, deployment, 1); }},
       {"defaults",
        [](Report& report, const Path& path, const json::value& value) {
          report.mapping(path, value, {{"deployment", text}}, kFree);
        }},
       {"extras", free_mapping}},
      kRefused);
}

}  // namespace

std::vector<Problem> schema_problems(const json::value& value) {
  Report report;
  job(report, {}, value);
  return report.take();
}

std::vector<Problem> problems(const json::value& value) {
  std::vector<Problem> found = schema_problems(value);
  return found.empty() ? rule_problems(value) : found;
}

}  // namespace rdev::cluster::openpai
