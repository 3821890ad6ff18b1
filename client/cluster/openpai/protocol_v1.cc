#include "client/cluster/openpai/protocol_v1.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <string_view>
#include <utility>

#include "client/cluster/openpai/read_json.h"
#include "client/cluster/openpai/report.h"
#include "client/sshconfig/quote.h"

namespace rdev::cluster::openpai {
namespace {

namespace json = boost::json;

constexpr char kImage[] = "image";

bool is_variable(std::string_view name) {
  return !name.empty() && (name.front() < '0' || name.front() > '9') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

// Reads one document; problems are kept with the place in the given one.
class Conversion final {
 public:
  explicit Conversion(const json::object& given) : given_(given) {}

  Converted run() {
    const Path top;
    check_keys(top);
    job_["protocolVersion"] = 2;
    job_["name"] = text(top, given_, "jobName");
    job_["type"] = "job";
    job_["prerequisites"] = json::array{json::object{
        {"type", "dockerimage"}, {"name", kImage}, {"uri", text(top, given_, "image")}}};
    if (const auto retries = number(top, given_, "retryCount", 0)) {
      job_["jobRetryCount"] = *retries;
    }
    find_exports(top);
    convert_roles(top.at("taskRoles"));
    if (given_.contains("virtualCluster")) {
      job_["defaults"] = {{"virtualCluster", text(top, given_, "virtualCluster")}};
    }
    if (const json::value* extras = given_.if_contains("extras"); extras != nullptr) {
      job_["extras"] = *extras;
    }
    return {.job = std::move(job_), .notes = std::move(notes_), .problems = report_.take()};
  }

 private:
  void check_keys(const Path& top) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kLost = {{
        {"authFile",
         "was read from HDFS, which is gone: give the registry's name and password as `auth` of a "
         "prerequisite of protocol version 2"},
        {"codeDir",
         "was copied into the job from HDFS, which is gone: put the files into a storage of the "
         "cluster, mount that with extras.storages, and take this key out"},
        {"gpuType",
         "has no equal: choose the kind of node by extras.hivedScheduler (rdev cluster show NAME "
         "lists the kinds), and take this key out"},
    }};
    static constexpr std::array<std::string_view, 10> kKnown = {
        "jobName",        "image",      "dataDir", "outputDir", "taskRoles",
        "virtualCluster", "retryCount", "jobEnvs", "extras",    "killAllOnCompletedTaskNumber"};
    for (const auto& [key, value] : given_) {
      const std::string_view name = key;
      const auto* lost = std::find_if(kLost.begin(), kLost.end(),
                                      [&](const auto& one) { return one.first == name; });
      if (lost != kLost.end()) {
        report_.add(top.at(name), std::string(lost->second), Problem::At::kKey);
      } else if (std::find(kKnown.begin(), kKnown.end(), name) == kKnown.end()) {
        report_.add(top.at(name), "is no key of protocol version 1", Problem::At::kKey);
      }
    }
  }

  std::string text(const Path& path, const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr) {
      report_.add(path, "needs " + std::string(key));
      return "";
    }
    return report_.text(path.at(key), *value) ? std::string(value->get_string()) : "";
  }

  std::optional<std::int64_t> number(const Path& path, const json::object& object,
                                     std::string_view key, std::int64_t least) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr || value->is_null()) {
      return std::nullopt;
    }
    report_.whole_number(path.at(key), *value, least);
    return whole(*value);
  }

  // What the platform put into the environment.
  void find_exports(const Path& top) {
    const std::array<std::pair<std::string_view, std::string_view>, 2> kFolders = {
        {{"dataDir", "PAI_DATA_DIR"}, {"outputDir", "PAI_OUTPUT_DIR"}}};
    for (const auto& [key, variable] : kFolders) {
      if (given_.contains(key)) {
        // Its own variables are meant to be expanded.
        exports_.emplace_back("export " + std::string(variable) + "=\"" + text(top, given_, key) +
                              "\"");
      }
    }
    const json::value* variables = given_.if_contains("jobEnvs");
    if (variables == nullptr) {
      return;
    }
    const Path path = top.at("jobEnvs");
    if (!variables->is_object()) {
      report_.add(path, "must be a mapping, not " + shown(*variables));
      return;
    }
    for (const auto& [name, value] : variables->get_object()) {
      if (!is_variable(name)) {
        report_.add(path.at(name), "is no name of an environment variable", Problem::At::kKey);
        continue;
      }
      const std::string word =
          value.is_string() ? std::string(value.get_string()) : json::serialize(value);
      exports_.emplace_back("export " + std::string(name) + "=" + sshconfig::shell_quote(word));
    }
  }

  void convert_roles(const Path& path) {
    const json::value* roles = given_.if_contains("taskRoles");
    if (roles == nullptr || !roles->is_array() || roles->get_array().empty()) {
      report_.add(path, "must be a list with at least one role");
      return;
    }
    json::object& converted = job_["taskRoles"].emplace_object();
    const json::array& list = roles->get_array();
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Path place = path.at(i);
      if (!list[i].is_object()) {
        report_.add(place, "must be a mapping, not " + shown(list[i]));
        continue;
      }
      const json::object& role = list[i].get_object();
      const std::string name = text(place, role, "name");
      if (converted.contains(name)) {
        report_.add(place.at("name"), "is there twice");
      }
      converted[name] = convert_role(place, role);
    }
  }

  json::object convert_role(const Path& path, const json::object& role) {
    json::object converted = {{"instances", number(path, role, "taskNumber", 1).value_or(1)},
                              {"dockerImage", kImage}};
    json::object completion;
    if (const auto failed = number(path, role, "minFailedTaskCount", 1)) {
      completion["minFailedInstances"] = *failed;
    }
    auto succeeded = number(path, role, "minSucceededTaskCount", 1);
    if (!succeeded) {
      succeeded = number(Path(), given_, "killAllOnCompletedTaskNumber", 0);
    }
    if (succeeded.value_or(0) > 0) {
      completion["minSucceededInstances"] = *succeeded;
    }
    if (!completion.empty()) {
      converted["completion"] = std::move(completion);
    }
    json::object resources = {{"cpu", number(path, role, "cpuNumber", 0).value_or(1)},
                              {"memoryMB", number(path, role, "memoryMB", 1).value_or(4096)},
                              {"gpu", number(path, role, "gpuNumber", 0).value_or(0)}};
    if (json::object ports = ports_of(path.at("portList"), role); !ports.empty()) {
      resources["ports"] = std::move(ports);
    }
    converted["resourcePerInstance"] = std::move(resources);
    if (const auto shm = number(path, role, "shmMB", 1)) {
      converted["extraContainerOptions"] = {{"shmMB", *shm}};
    }
    json::array commands;
    for (const std::string& line : exports_) {
      commands.emplace_back(line);
    }
    commands.emplace_back(text(path, role, "command"));
    converted["commands"] = std::move(commands);
    return converted;
  }

  json::object ports_of(const Path& path, const json::object& role) {
    json::object ports;
    const json::value* list = role.if_contains("portList");
    if (list == nullptr) {
      return ports;
    }
    if (!list->is_array()) {
      report_.add(path, "must be a list, not " + shown(*list));
      return ports;
    }
    for (std::size_t i = 0; i < list->get_array().size(); ++i) {
      const Path place = path.at(i);
      const json::object* port = list->get_array()[i].if_object();
      if (port == nullptr) {
        report_.add(place, "must be a mapping");
        continue;
      }
      const std::string label = text(place, *port, "label");
      ports[label] = number(place, *port, "portNumber", 1).value_or(1);
      if (number(place, *port, "beginAt", 0).value_or(0) != 0) {
        notes_.push_back("the numbers of the ports '" + label +
                         "' are the cluster's: beginAt has no equal");
      }
    }
    return ports;
  }

  const json::object& given_;
  json::object job_;
  std::vector<std::string> exports_;
  std::vector<std::string> notes_;
  Report report_;
};

}  // namespace

bool is_protocol_v1(const json::value& document) {
  const json::object* object = document.if_object();
  return object != nullptr && object->contains("jobName") && !object->contains("protocolVersion");
}

Converted convert_protocol_v1(const json::value& document) {
  return Conversion(document.get_object()).run();
}

}  // namespace rdev::cluster::openpai
