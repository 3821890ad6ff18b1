#include "client/cluster/openpai/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <functional>

#include "client/templates/pointer.h"
#include "tests/unit/client/cluster/openpai/documents.h"
#include "tests/unit/client/cluster/openpai/json_schema.h"

namespace rdev::cluster::openpai {
namespace {

namespace json = boost::json;
using test::parse;
using test::sample;
using ::testing::HasSubstr;

std::string text_of(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    text += templates::pointer_text(problem.pointer) + ": " + problem.what + "\n";
  }
  return text;
}

// Everything that the schema has a word for.
const char* const kFull = R"(
protocolVersion: 2
name: full_job-1
type: job
version: 1
contributor: me
description: all there is
prerequisites:
  - {protocolVersion: "2", name: s, type: script, version: "1", contributor: me, description: d,
     plugin: p, require: [x], uri: u, more: 1}
  - {name: d, type: data, plugin: p, require: [x], uri: [u], more: 1}
  - {protocolVersion: 2, name: i, type: dockerimage, version: 1, contributor: me, description: d,
     auth: {username: u, password: p, registryuri: r, more: 1}, uri: debian}
parameters: {a: 1}
secrets: {b: 2}
jobRetryCount: 0
taskRoles:
  Role_1:
    protocolVersion: 2
    instances: 1
    completion: {minFailedInstances: 1, minSucceededInstances: null}
    taskRetryCount: -2
    prerequisites: [s]
    dockerImage: i
    data: d
    output: o
    script: s
    extraContainerOptions: {shmMB: 1, infiniband: true}
    resourcePerInstance: {cpu: 1, memoryMB: 2, gpu: 0, ports: {ssh: 1}}
    commands: [a]
deployments:
  - {protocolVersion: 2, name: p, taskRoles: {Role_1: {preCommands: [a], postCommands: [b]}}, x: 1}
defaults: {deployment: p, virtualCluster: default}
extras: {anything: [1]}
)";

// Calls `visit` for each value within `value`, which visit may change; it is put back.
void each_within(json::value& value, const std::function<void(json::value&)>& visit) {
  const json::value before = value;
  visit(value);
  value = before;
  if (json::object* object = value.if_object()) {
    for (auto& entry : *object) {
      each_within(entry.value(), visit);
    }
  } else if (json::array* array = value.if_array()) {
    for (json::value& one : *array) {
      each_within(one, visit);
    }
  }
}

// Sanitizers take twenty times as long: of the documents below only each so many. Not a divisor of
// how many stand in one place.
constexpr int kEach = __has_feature(address_sanitizer) ? 7 : 1;

TEST(Schema, HasTheVerdictsOfTheServersOwn) {
  const test::JsonSchema schema(
      parse(test::read_source("tests/fakes/openpai/job-protocol-v2.rest-server-ajv.json")));
  json::value job = parse(kFull);
  ASSERT_TRUE(schema.accepts(job));
  ASSERT_EQ(text_of(schema_problems(job)), "");
  const json::value others = parse(
      "[null, true, 0, 1, -1, 2, 2.5, '', '2', x, job, data, output, a b, 2x, [], [1], [x], {}, "
      "{x: 1}, {1x: 1}, {x: [y]}, {a: {}}, {additionalProperties: 1}]");
  int accepted = 0;
  int refused = 0;
  int documents = 0;
  const auto compare = [&] {
    if (++documents % kEach != 0) {
      return;
    }
    const bool wanted = schema.accepts(job);
    ++(wanted ? accepted : refused);
    const auto problems = schema_problems(job);
    EXPECT_EQ(problems.empty(), wanted) << text_of(problems) << json::serialize(job);
  };
  each_within(job, [&](json::value& value) {
    const json::value before = value;
    for (const json::value& other : others.as_array()) {
      value = other;
      compare();
    }
    value = before;
    if (!value.is_object()) {
      return;
    }
    for (const char* key : {"unknown", "0", "additionalProperties", "uri"}) {
      value.get_object()[key] = 1;
      compare();
      value = before;
    }
    for (const auto& [key, child] : before.get_object()) {
      value.get_object().erase(key);
      compare();
      value = before;
    }
  });
  // The table above is of both kinds.
  EXPECT_GT(accepted, 300 / kEach);
  EXPECT_GT(refused, 1000 / kEach);
}

TEST(Schema, AcceptsWhatTheServerAccepted) {
  EXPECT_EQ(text_of(problems(sample("job-submit.yaml"))), "");
  EXPECT_EQ(text_of(problems(sample("sdk-job-config-v2.json"))), "");
  // It masks the secrets when it gives a job back, and then would not take it any more.
  json::value masked = sample("v18-job-config-as-sent.json");
  EXPECT_THAT(text_of(problems(masked)), HasSubstr("secrets: holds '******', which the server "));
  masked.as_object()["secrets"] = json::object{{"pw", "x"}};
  EXPECT_EQ(text_of(problems(masked)), "");
}

// A good job with one thing changed, what the server said of it, and what rdev says.
struct Refused {
  const char* answer;
  const char* pointer;
  const char* value;  // YAML; nullptr: removed
  const char* said;
};

json::value changed(const Refused& refused) {
  json::value job = sample("job-submit.yaml");
  auto steps = templates::pointer_steps(refused.pointer);
  if (steps.empty()) {
    return parse(refused.value);
  }
  const std::string last = steps.back();
  steps.pop_back();
  json::value* at = &job;
  for (const std::string& step : steps) {
    at = &at->as_object()[step];
  }
  if (refused.value == nullptr) {
    at->as_object().erase(last);
  } else {
    at->as_object()[last] = parse(refused.value);
  }
  return job;
}

TEST(Schema, RefusesWhatTheServerRefused) {
  const Refused table[] = {
      {"400-bad-name", "/name", "bad name!", "name: must be a name of letters"},
      {"400-empty", "", "", ": must be a mapping of keys to values, not empty\n"},
      {"400-gpu-string", "/taskRoles/worker/resourcePerInstance/gpu", "'1'",
       "taskRoles.worker.resourcePerInstance.gpu: must be a whole number, not '1'\n"},
      {"400-instances-0", "/taskRoles/worker/instances", "0",
       "taskRoles.worker.instances: must be a whole number of at least 1, not 0\n"},
      {"400-json-ctype", "", "'{}'", ": must be a mapping of keys to values, not '{}'\n"},
      {"400-missing-field", "/name", nullptr, "name: is missing\n"},
      {"400-no-such-prereq", "/taskRoles/worker/dockerImage", "nope",
       "taskRoles.worker.dockerImage: prerequisites has no dockerimage with the name 'nope'\n"},
      {"400-port-not-int", "/taskRoles/worker/resourcePerInstance/ports/ssh", "x",
       "taskRoles.worker.resourcePerInstance.ports.ssh: must be a whole number, not 'x'\n"},
      {"400-unknown-top-level", "/foo", "1", "foo: unknown key\n"},
      {"500-missing-instances", "/taskRoles/worker/instances", nullptr,
       "taskRoles.worker.instances: is missing, and the server fails without it\n"},
  };
  for (const Refused& refused : table) {
    const json::value said = sample("v18-error-" + std::string(refused.answer) + ".json");
    EXPECT_GE(said.at("http_status").as_int64(), 400);
    EXPECT_THAT(text_of(problems(changed(refused))), HasSubstr(refused.said)) << refused.answer;
    // The server's sentence is about the same place.
    const std::string message(said.at("body").at("message").as_string());
    if (const std::size_t at = message.find("\"dataPath\":\""); at != std::string::npos) {
      const json::value path = parse(message).at(0).at("dataPath");
      std::string place = templates::pointer_text(refused.pointer);
      for (const char* piece : {"worker", "ssh"}) {  // as it writes names of the user's
        if (const std::size_t found = place.find("." + std::string(piece));
            found != std::string::npos) {
          place.replace(found, std::string(piece).size() + 1, "['" + std::string(piece) + "']");
        }
      }
      const bool of_a_key = refused.value == nullptr || refused.pointer == std::string("/foo");
      EXPECT_EQ(path, json::value(of_a_key || place.empty() ? "" : "." + place));
    }
  }
}

TEST(Schema, NamesAllProblemsAndWhatWasMeant) {
  json::value job = sample("job-submit.yaml");
  json::object& role = job.at("taskRoles").at("worker").as_object();
  role["comands"] = role["commands"];
  role.erase("commands");
  role["instances"] = "two";
  job.as_object()["default"] = 1;
  EXPECT_EQ(text_of(problems(job)),
            "taskRoles.worker.instances: must be a whole number of at least 1, not 'two'\n"
            "taskRoles.worker.commands: is missing\n"
            "taskRoles.worker.comands: unknown key, did you mean 'commands'?\n"
            "default: unknown key, did you mean 'defaults'?\n");
  json::array many(1000, json::value(1));
  role["commands"] = many;
  EXPECT_EQ(problems(job).size(), kMaxProblems);
}

TEST(Rules, AreWhatTheSchemaDoesNotSay) {
  const std::pair<const char*, const char*> table[] = {
      {"prerequisites: [{type: dockerimage, name: i, uri: a}, {type: dockerimage, name: i, uri: "
       "b}]",
       "prerequisites[1]: there are two of type dockerimage with the name 'i'\n"},
      {"prerequisites: [{type: data, name: i, uri: [a]}]",
       "taskRoles.a.dockerImage: prerequisites has no dockerimage with the name 'i'\n"},
      {"deployments: [{name: p, taskRoles: {a: {}}}, {name: p, taskRoles: {a: {}}}]",
       "deployments[1]: there are two with the name 'p'\n"},
      {"defaults: {deployment: q}",
       "defaults.deployment: deployments has none with the name 'q'\n"},
      {"extras: {hivedScheduler: {jobPriorityClass: crit}}",
       "extras.hivedScheduler.jobPriorityClass: must be one of prod, test, oppo, not 'crit'\n"},
      {"taskRoles: []", "taskRoles: must be a mapping of role names, not a list\n"},
      {"taskRoles: {_: &r {instances: 1, dockerImage: i, commands: [a], "
       "resourcePerInstance: {cpu: 1, gpu: 0, memoryMB: 1}}, A_b: *r, ab: *r}",
       "taskRoles._: the server keeps only letters and digits of a role's name; they must begin "
       "with a letter, as in rdev\n"
       "taskRoles.ab: is the same as 'A_b' to the server, which keeps only lower case letters and "
       "digits: both are ab\n"},
      {"taskRoles: {a: {instances: 1, dockerImage: i, commands: [a], resourcePerInstance: "
       "{cpu: 1, gpu: 0, memoryMB: 1, ports: [80]}}}",
       "taskRoles.a.resourcePerInstance.ports: must be a mapping of labels to how many ports, as "
       "in "
       "{http: 1}, not a list\n"},
      {"extras: {hivedScheduler: {jobPriorityClass: prod}}", ""},
  };
  for (const auto& [text, wanted] : table) {
    json::value job = parse(
        "{protocolVersion: 2, name: x, type: job, prerequisites: [{type: dockerimage, name: i, "
        "uri: u}], taskRoles: {a: {instances: 1, dockerImage: i, commands: [a], "
        "resourcePerInstance: {cpu: 1, gpu: 0, memoryMB: 1}}}}");
    const json::value changes = parse(text);
    for (const auto& [key, value] : changes.as_object()) {
      job.as_object()[key] = value;
    }
    EXPECT_EQ(text_of(problems(job)), wanted);
  }
}

TEST(Rules, ARoleIsCalledWhatTheServerWouldCallIt) {
  EXPECT_EQ(role_as_written("Task_role_1"), "taskrole1");
  EXPECT_EQ(role_as_written("rdev"), "rdev");
  EXPECT_EQ(role_as_written("__"), "");
}

}  // namespace
}  // namespace rdev::cluster::openpai
