package record

// Fields are those of a Schema that is being made: the row, with nothing in it yet.
type Fields []Field

// NewFields are the fields of rows of which nothing is described yet.
func NewFields() Fields { return Fields{{Parent: -1, Type: Object, Items: -1}} }

// Add adds a field to what is described, as a member of an object or as the items
// of an array, and answers its id. Of field it takes Name, Type and Format.
func (f *Fields) Add(holder int, field Field) (id int) {
	id = len(*f)
	h := &(*f)[holder]
	field.Parent, field.Items = holder, -1
	switch {
	case h.Type == Array:
		h.Items = id
		field.Name, field.Path = "", h.Path+"[]"
	default:
		h.Members = append(h.Members, id)
		field.Path = field.Name
		if h.Path != "" {
			field.Path = h.Path + "." + field.Name
		}
	}
	*f = append(*f, field)
	return id
}
