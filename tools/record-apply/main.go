// Plays cases of writes (standard input, JSON) through upstream's own field manager and prints what comes out: the
// answers that src/api/apply is tested against. Needs Go; the tests themselves only read the recording.
package main

import (
	"encoding/json"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

type step struct {
	// create, update or apply
	Op          string          `json:"op"`
	Subresource string          `json:"subresource,omitempty"`
	Manager     string          `json:"manager"`
	Force       bool            `json:"force,omitempty"`
	Object      json.RawMessage `json:"object"`
}

type input struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Steps      []step `json:"steps"`
}

type outcome struct {
	Object        map[string]any               `json:"object,omitempty"`
	ManagedFields []metav1.ManagedFieldsEntry `json:"managedFields,omitempty"`
	Status        *metav1.Status               `json:"status,omitempty"`
	Error         string                       `json:"error,omitempty"`
}

func main() {
	var inputs []input
	must(json.NewDecoder(os.Stdin).Decode(&inputs))
	results := make([][]outcome, 0, len(inputs))
	for _, one := range inputs {
		results = append(results, play(one))
	}
	must(json.NewEncoder(os.Stdout).Encode(results))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func play(in input) []outcome {
	gv, err := schema.ParseGroupVersion(in.APIVersion)
	must(err)
	gvk := gv.WithKind(in.Kind)
	converter := applyconfigurations.NewTypeConverter(scheme.Scheme)
	managerOf := func(subresource string) *managedfields.FieldManager {
		reset := fieldpath.NewSet(fieldpath.MakePathOrDie("status"))
		if subresource == "status" {
			reset = fieldpath.NewSet(fieldpath.MakePathOrDie("spec"))
		}
		filters := map[fieldpath.APIVersion]fieldpath.Filter{
			fieldpath.APIVersion(gv.String()): fieldpath.NewExcludeSetFilter(reset),
		}
		m, err := managedfields.NewDefaultFieldManager(converter, scheme.Scheme, scheme.Scheme, scheme.Scheme, gvk, gv, subresource, filters)
		must(err)
		return m
	}
	var live runtime.Object
	var outcomes []outcome
	for index, s := range in.Steps {
		next, err := run(managerOf(s.Subresource), gvk, live, s)
		if err != nil {
			o := outcome{Error: err.Error()}
			if status, ok := err.(errors.APIStatus); ok {
				answer := status.Status()
				o = outcome{Status: &answer}
			}
			outcomes = append(outcomes, o)
			continue
		}
		stamp(next, live, index)
		live = stored(next, live, s, gvk)
		outcomes = append(outcomes, outcomeOf(live))
	}
	return outcomes
}

func run(m *managedfields.FieldManager, gvk schema.GroupVersionKind, live runtime.Object, s step) (runtime.Object, error) {
	empty, err := scheme.Scheme.New(gvk)
	must(err)
	empty.GetObjectKind().SetGroupVersionKind(gvk)
	if s.Op == "apply" {
		config := &unstructured.Unstructured{Object: map[string]any{}}
		must(json.Unmarshal(s.Object, &config.Object))
		if live == nil {
			live = empty
		}
		return m.Apply(live.DeepCopyObject(), config, s.Manager, s.Force)
	}
	wanted, err := scheme.Scheme.New(gvk)
	must(err)
	must(json.Unmarshal(s.Object, wanted))
	wanted.GetObjectKind().SetGroupVersionKind(gvk)
	if live == nil {
		live = empty
	}
	return m.UpdateNoErrors(live.DeepCopyObject(), wanted, s.Manager), nil
}

// Times are those of the steps, so that recordings do not depend on when they were made.
func stamp(next, live runtime.Object, index int) {
	accessor, err := meta.Accessor(next)
	must(err)
	known := map[string]bool{}
	if live != nil {
		before, err := meta.Accessor(live)
		must(err)
		for _, entry := range before.GetManagedFields() {
			if entry.Time != nil {
				known[entry.Time.UTC().Format(time.RFC3339Nano)] = true
			}
		}
	}
	entries := accessor.GetManagedFields()
	for i := range entries {
		at := entries[i].Time
		if at == nil || known[at.UTC().Format(time.RFC3339Nano)] {
			continue
		}
		entries[i].Time = &metav1.Time{Time: time.Date(2020, 1, 1, 0, 0, index, 0, time.UTC)}
	}
	accessor.SetManagedFields(entries)
}

// What a registry makes of it: writes of the main resource keep the status, those of the status the rest.
func stored(next, live runtime.Object, s step, gvk schema.GroupVersionKind) runtime.Object {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(next)
	must(err)
	var before map[string]any
	if live != nil {
		before, err = runtime.DefaultUnstructuredConverter.ToUnstructured(live)
		must(err)
	}
	kept := "status"
	if s.Subresource == "status" {
		kept = "spec"
	}
	delete(content, kept)
	if value, ok := before[kept]; ok {
		content[kept] = value
	}
	if metadata, ok := content["metadata"].(map[string]any); ok {
		metadata["uid"] = "uid"
	}
	result, err := scheme.Scheme.New(gvk)
	must(err)
	must(runtime.DefaultUnstructuredConverter.FromUnstructured(content, result))
	result.GetObjectKind().SetGroupVersionKind(gvk)
	return result
}

func outcomeOf(live runtime.Object) outcome {
	accessor, err := meta.Accessor(live)
	must(err)
	entries := accessor.GetManagedFields()
	bare := live.DeepCopyObject()
	bareAccessor, err := meta.Accessor(bare)
	must(err)
	bareAccessor.SetManagedFields(nil)
	bareAccessor.SetUID("")
	text, err := json.Marshal(bare)
	must(err)
	var object map[string]any
	must(json.Unmarshal(text, &object))
	return outcome{Object: object, ManagedFields: entries}
}
