package pongcheck

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// vectors is the folder of the codec vectors.
const vectors = "../../vectors/codec"

type vector struct {
	Name       string
	Receivers  []string
	Octets     []json.RawMessage
	Frames     []map[string]any
	Unfinished bool
	Error      *struct {
		Code byte
		ID   string
		At   int
	}
}

func (v vector) octets(t *testing.T) (all []byte) {
	for _, segment := range v.Octets {
		var text string
		var object struct {
			Text, Repeat string
			Times        int
		}
		if json.Unmarshal(segment, &text) != nil {
			if err := json.Unmarshal(segment, &object); err != nil {
				t.Fatal(err)
			}
			text = strings.Repeat(object.Repeat, object.Times)
		}
		octets, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, octets...), object.Text...)
	}
	return all
}

type outcome struct {
	frames     []map[string]any
	unfinished bool
	code       byte
	id         string
}

// decode returns the outcome, and the number of bytes fed until then.
func decode(t *testing.T, chunks ...[]byte) (result outcome, fed int) {
	decoder := Decoder{HelloSent: true}
	for _, chunk := range chunks {
		fed += len(chunk)
		frames, err := decoder.Feed(chunk)
		for _, f := range frames {
			frame := map[string]any{"type": float64(f.Type), "flags": float64(f.Flags), "code": float64(f.Code), "id": hex.EncodeToString(f.ID[:])}
			if f.Body != nil {
				frame["body"] = f.Body
			}
			if f.Report != nil {
				var report any
				if err := json.Unmarshal(f.Report, &report); err != nil {
					t.Fatal(err)
				}
				frame["body"] = report
			}
			result.frames = append(result.frames, frame)
		}
		var fault *ProtocolError
		if errors.As(err, &fault) {
			result.code, result.id = fault.Code, hex.EncodeToString(fault.ID[:])
			return result, fed
		}
	}
	result.unfinished = decoder.Unfinished()
	return result, fed
}

// Whole, byte by byte, and split in two.
func TestVectors(t *testing.T) {
	tried := 0
	for _, name := range []string{"valid.json", "malformed.json"} {
		text, err := os.ReadFile(filepath.Join(vectors, name))
		if err != nil {
			t.Skip("the vectors are not here")
		}
		var list []vector
		if err := json.Unmarshal(text, &list); err != nil {
			t.Fatal(err)
		}
		for _, v := range list {
			if !strings.Contains(strings.Join(v.Receivers, " "), "client") {
				continue
			}
			tried++
			octets := v.octets(t)
			expected := outcome{unfinished: v.Unfinished}
			for _, frame := range v.Frames {
				delete(frame, "skipped")
				expected.frames = append(expected.frames, frame)
			}
			if v.Error != nil {
				expected.code, expected.id = v.Error.Code, v.Error.ID
			}
			verify := func(chunks ...[]byte) int {
				got, fed := decode(t, chunks...)
				if !reflect.DeepEqual(got, expected) {
					t.Errorf("%s: %v, wanted %v", v.Name, got, expected)
				}
				return fed
			}
			verify(octets)
			var single [][]byte
			for i := range octets {
				single = append(single, octets[i:i+1])
			}
			if fed := verify(single...); v.Error != nil && fed != v.Error.At {
				t.Errorf("%s: after %d bytes, wanted %d", v.Name, fed, v.Error.At)
			}
			for at := 1; at < len(octets); at++ {
				if len(octets) < 200 || at < 18 || at == len(octets)-1 {
					verify(octets[:at], octets[at:])
				}
			}
		}
	}
	t.Logf("%d vectors", tried)
}
